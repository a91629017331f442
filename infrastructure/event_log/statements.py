"""The SQL of the log."""

# Whoever holds the lock of the log appends. It is held until the commit, so that position order is commit order.
LOCK_KEY = 0x6B726F6E69656B
CHANNEL = "kroniek_log"

# The log is only ever looked up by its indexes. Statistics, however stale while it grows fast, are not to talk the
# planner into reading the whole of it.
BY_INDEX_ONLY = "SET enable_seqscan = off"

LOCK = f"SELECT pg_advisory_xact_lock({LOCK_KEY})"

HEAD = """
SELECT coalesce(max(position), 0), greatest(clock_timestamp(), max(recorded_at))
FROM (SELECT position, recorded_at FROM log.event ORDER BY position DESC LIMIT 1) AS last
"""

VERSIONS = """
SELECT stream, last.version
FROM unnest(%s::text[]) AS stream
CROSS JOIN LATERAL (
    SELECT version FROM log.event WHERE event.stream = stream.stream ORDER BY version DESC LIMIT 1
) AS last
"""

CLAIMS = "SELECT digest, stream FROM log.claim WHERE digest = ANY(%s)"

RECEIPTS = """
SELECT organisation_id, key, fingerprint, stream, version, position, events
FROM log.receipt JOIN unnest(%s::text[], %s::text[]) AS wanted (organisation_id, key) USING (organisation_id, key)
"""

EVENT_COLUMNS = (
    "position, recorded_at, effective_at, version, stream, name, payload, acting_id, subject_id, organisation_id, "
    "mandate_id, activity, command_id, correlation_id, causation_id, trace"
)

INSERT_EVENTS = f"""
INSERT INTO log.event ({EVENT_COLUMNS})
SELECT position, %s, effective_at, version, stream, name, payload, acting_id, subject_id, organisation_id,
       mandate_id, activity, command_id, correlation_id, causation_id, trace
FROM unnest(%s::bigint[], %s::timestamptz[], %s::int[], %s::text[], %s::text[], %s::bytea[], %s::text[], %s::text[],
            %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
     AS new (position, effective_at, version, stream, name, payload, acting_id, subject_id, organisation_id,
             mandate_id, activity, command_id, correlation_id, causation_id, trace)
"""  # noqa: S608 - the column list is ours

RELEASE_CLAIMS = "DELETE FROM log.claim WHERE digest = ANY(%s)"

INSERT_CLAIMS = """
INSERT INTO log.claim (digest, stream) SELECT * FROM unnest(%s::bytea[], %s::text[]) ON CONFLICT (digest) DO NOTHING
"""

# The names of events have no spaces.
INSERT_RECEIPTS = """
INSERT INTO log.receipt (organisation_id, key, fingerprint, stream, version, position, events, recorded_at)
SELECT organisation_id, key, fingerprint, stream, version, position, string_to_array(events, ' '), %s
FROM unnest(%s::text[], %s::text[], %s::bytea[], %s::text[], %s::int[], %s::bigint[], %s::text[])
     AS new (organisation_id, key, fingerprint, stream, version, position, events)
"""

NOTIFY = f"SELECT pg_notify('{CHANNEL}', %s)"

STREAMS = """
SELECT stream, name, payload, position FROM log.event WHERE stream = ANY(%s) ORDER BY stream, version
"""

# A subquery with an order of its own is planned once for each range, along the index.
PREFIXES = """
SELECT found.stream, found.name, found.payload, found.position
FROM unnest(%s::text[], %s::text[]) AS wanted (low, high)
CROSS JOIN LATERAL (
    SELECT stream, version, name, payload, position FROM log.event
    WHERE event.stream >= wanted.low AND event.stream < wanted.high
    ORDER BY stream, version
) AS found
ORDER BY found.stream, found.version
"""

BY_POSITION = f"""
SELECT {EVENT_COLUMNS} FROM log.event WHERE position > %s AND position <= %s ORDER BY position
"""  # noqa: S608 - the column list is ours

BY_POSITION_AND_NAME = f"""
SELECT {EVENT_COLUMNS} FROM log.event WHERE position > %s AND position <= %s AND name = ANY(%s) ORDER BY position
"""  # noqa: S608 - the column list is ours

MAX_POSITION = "SELECT coalesce(max(position), 0) FROM log.event"
