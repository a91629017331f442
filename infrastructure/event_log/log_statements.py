"""The SQL of the log."""

CHANNEL = "kroniek_log"

# The session that holds this lock appends. It keeps the lock until the commit: position order is commit order.
# `log.append` takes it too.
LOCK = "SELECT log.lock_appends()"
LOG_ID = "SELECT log.id()"
HEAD = "SELECT log.head()"

APPEND_PROTOCOL = 14
"""How this release writes the log: the migration that changed last how it is written. The database refuses others."""

AS_APPEND = f"SET kroniek.append_protocol = '{APPEND_PROTOCOL}'"
"""Lets the owner insert into the tables of the log, as tests of a damaged log do."""

APPEND_PARAMETERS = 39
APPEND = f"SELECT log.append({', '.join(['%s'] * APPEND_PARAMETERS)})"
COMMITTED = "SELECT batch, position FROM log.commit WHERE writer_id = %s AND batch = ANY(%s)"

GIVE_UP = "SELECT log.give_up(%s, %s)"

VERSIONS = "SELECT stream, version FROM log.stream WHERE stream = ANY(%s)"

CLAIMS = "SELECT digest, stream FROM log.claim WHERE digest = ANY(%s)"

RECEIPTS = """
SELECT organisation_id, key, held.*
FROM unnest(%s::text[], %s::text[]) AS wanted (organisation_id, key)
CROSS JOIN LATERAL (
    SELECT fingerprint, stream, version, position, events FROM log.receipt
    WHERE receipt.organisation_id = wanted.organisation_id AND receipt.key = wanted.key LIMIT 1
) AS held
"""

# --- Streams --------------------------------------------------------------------------------------------------------
# `log.stream` says which partitions hold a stream, and its events are read from exactly those tables, attached to the
# log's table or not.

_NEWEST = """
SELECT held.stream, held.version, held.first_position, held.last_position,
       event.version, event.name, event.payload, event.effective_at
FROM {wanted}
LEFT JOIN LATERAL (
    SELECT version, name, payload, effective_at FROM log.event_{{partition}} AS event
    WHERE event.stream = held.stream ORDER BY version
) AS event ON true
ORDER BY held.stream, event.version
"""

STREAMS = _NEWEST.format(
    wanted="""unnest(%s::text[]) AS wanted (stream)
CROSS JOIN LATERAL (SELECT * FROM log.stream WHERE stream.stream = wanted.stream LIMIT 1) AS held"""
)

# A sub-query with an order of its own is executed once for each range, along the index.
PREFIXES = _NEWEST.format(
    wanted="""unnest(%s::text[], %s::text[]) AS wanted (low, high)
CROSS JOIN LATERAL (
    SELECT * FROM log.stream WHERE stream.stream >= wanted.low AND stream.stream < wanted.high ORDER BY stream
) AS held"""
)

# The events of streams before a version, from an older partition.
OLDER = """
SELECT event.stream, event.version, event.name, event.payload, event.effective_at
FROM unnest(%s::text[], %s::integer[]) AS wanted (stream, version)
CROSS JOIN LATERAL (
    SELECT * FROM log.event_{partition} AS event
    WHERE event.stream = wanted.stream AND event.version < wanted.version ORDER BY version
) AS event
ORDER BY event.stream, event.version
"""

# --- The log in its order -------------------------------------------------------------------------------------------

# Every reader needs the basic columns; rules may look at the further ones.
BASIC_COLUMNS = ("position", "version", "stream", "name", "payload")
FURTHER_COLUMNS = (
    "recorded_at",
    "effective_at",
    "acting_id",
    "subject_id",
    "organisation_id",
    "mandate_id",
    "activity",
    "command_id",
    "correlation_id",
    "causation_id",
    "trace",
)
PARTITIONS = "SELECT number, first_position, last_position, attached FROM log.partition ORDER BY first_position"

BY_POSITION = """
SELECT {columns} FROM {table} WHERE position > %s AND position <= %s ORDER BY position
"""

# The first events of each name by the index on names, and the first of these: no event of another name is read.
BY_NAME = """
SELECT event.* FROM unnest(%s::text[]) AS wanted (name)
CROSS JOIN LATERAL (
    SELECT {columns} FROM {table} AS event
    WHERE event.name = wanted.name AND position > %s AND position <= %s ORDER BY position LIMIT %s
) AS event
ORDER BY position LIMIT %s
"""

BY_POSITIONS = """
SELECT {columns} FROM {table} WHERE position = ANY(%s::bigint[]) ORDER BY position
"""

BY_STREAM = """
SELECT {columns} FROM {table} WHERE stream >= %s AND stream <= %s AND position <= %s ORDER BY stream, version
"""

OF_STREAM = """
SELECT {columns} FROM {table} WHERE stream = %s AND version > %s AND position <= %s ORDER BY version LIMIT %s
"""

RECORDED_AT = "SELECT recorded_at FROM {table} WHERE position = %s"

ALL_OF = "SELECT {columns} FROM {table}"
