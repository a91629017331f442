"""The statements about read models: their places, progress and builds, and their parked events."""

from __future__ import annotations

from sqlalchemy import text

from projections.prepared_statements import PreparedStatement

RATE_AGE_S = 10
"""After this many seconds without a change of its checkpoint, a read model does not go on."""

SAMPLE = text("SELECT log.sample()")

# Head and positions come from one statement, so that no lag is shown too small. The oldest event that a read model
# lacks is the first after its position: one look-up for each position, however many read models are there.
_PLACES = """
    WITH head AS MATERIALIZED (SELECT log.head() AS position),
    place AS MATERIALIZED (
        SELECT wanted.projection, wanted.version, coalesce(checkpoint.position, 0) AS position,
               CASE
                   WHEN checkpoint.position IS NULL THEN false
                   WHEN checkpoint.position > 0 THEN true
                   ELSE NOT coalesce((
                       SELECT bool_and(build.state <> 'done') FROM read.build
                       WHERE build.projection = wanted.projection AND build.version = wanted.version
                         AND build.purpose = 'first'), false)
               END AS built
        FROM unnest(CAST(:names AS text[]), CAST(:versions AS integer[])) AS wanted (projection, version)
        LEFT JOIN read.checkpoint
            ON checkpoint.projection = wanted.projection AND checkpoint.version = wanted.version
    ),
    behind AS MATERIALIZED (
        SELECT late.position, log.recorded_after(late.position) AS since
        FROM (SELECT DISTINCT place.position FROM place, head WHERE place.position < head.position) AS late
    )
"""
_LAG = """
    greatest(head.position - place.position, 0) AS lag_events,
    coalesce(extract(epoch FROM clock_timestamp() - behind.since), 0)::float8 AS lag_s
"""
_BUILD = """
    build.build_id, build.projection, build.version, build.purpose, build.state, build.position, build.asked_by,
    build.why, build.events_done, build.events_total, build.started_at, build.ended_at, build.equal, build.rows,
    build.sha256, build.outcome,
    coalesce(extract(epoch FROM coalesce(build.ended_at, clock_timestamp()) - build.started_at), 0)::float8 AS seconds,
    CASE WHEN build.state IN ('waiting', 'done', 'cancelled', 'failed') THEN false
         ELSE read.is_taken(2, build.projection, build.version) END AS running
"""

PLACES = text(f"""
    {_PLACES}
    SELECT place.projection, place.version, place.position, place.built, {_LAG}
    FROM place CROSS JOIN head LEFT JOIN behind ON behind.position = place.position
""")  # noqa: S608 - our own pieces
PREPARED_PLACES = PreparedStatement(
    PLACES.text.replace(":names", "$1").replace(":versions", "$2").encode(), generic=True, tables=frozenset()
)

# The rows of a read model change with an event that it has rules for, with an act that is carried out on it (a parked
# event that is applied after all), and where they are replaced as a whole.
FIGURES_STATE = text(f"""
    {_PLACES}
    SELECT place.projection, place.built, concat_ws('.',
               log.id(), place.version, checkpoint.generation, checkpoint.act_position,
               log.last_of(string_to_array(counted.events, ' '), place.position)) AS state
    FROM place
    JOIN unnest(CAST(:names AS text[]), CAST(:events AS text[])) AS counted (projection, events)
        ON counted.projection = place.projection
    LEFT JOIN read.checkpoint ON checkpoint.projection = place.projection AND checkpoint.version = place.version
    ORDER BY place.projection
""")  # noqa: S608 - our own pieces

PROGRESS = text(f"""
    {_PLACES}
    SELECT place.projection AS name, place.version, place.position, place.built, head.position AS head, {_LAG},
           checkpoint.applied_at,
           CASE WHEN checkpoint.applied_at > clock_timestamp() - make_interval(secs => {RATE_AGE_S})
                THEN checkpoint.events_per_s ELSE 0.0::float8 END AS events_per_s,
           coalesce(checkpoint.error, '') AS error, checkpoint.failed_at,
           coalesce(checkpoint.log_id <> log.id() OR place.position > head.position, false) AS ahead_of_log,
           -- A standby knows nothing of the locks of workers; there, only its lag says whether one is at work.
           pg_is_in_recovery() OR read.is_taken(1, place.projection, place.version) AS led,
           previous.position AS previous_position,
           parked.events AS parked_events, parked.streams AS parked_streams
    FROM place CROSS JOIN head
    LEFT JOIN behind ON behind.position = place.position
    LEFT JOIN read.checkpoint ON checkpoint.projection = place.projection AND checkpoint.version = place.version
    LEFT JOIN read.previous ON previous.projection = place.projection AND previous.version = place.version
    CROSS JOIN LATERAL (
        SELECT count(*) AS events, count(DISTINCT found.stream) AS streams FROM read.parked AS found
        WHERE found.table_name = place.projection || '_v' || place.version
    ) AS parked
    ORDER BY place.projection
""")  # noqa: S608 - our own pieces

# The running build, else one that waits, else the last one.
LATEST_BUILDS = text(f"""
    SELECT DISTINCT ON (build.projection) {_BUILD}
    FROM read.build
    JOIN unnest(CAST(:names AS text[]), CAST(:versions AS integer[])) AS wanted (projection, version)
        ON build.projection = wanted.projection AND build.version = wanted.version
    ORDER BY build.projection,
             CASE WHEN build.state IN ('done', 'cancelled', 'failed') THEN 2
                  WHEN build.state = 'waiting' THEN 1 ELSE 0 END,
             build.build_id DESC
""")  # noqa: S608 - our own pieces

BUILDS = text(f"""
    SELECT {_BUILD} FROM read.build WHERE build.projection = :projection ORDER BY build.build_id DESC LIMIT :limit
""")  # noqa: S608 - our own pieces

OTHER_VERSIONS = text("""
    SELECT checkpoint.projection, checkpoint.version, checkpoint.position, checkpoint.applied_at
    FROM read.checkpoint
    JOIN unnest(CAST(:names AS text[]), CAST(:versions AS integer[])) AS wanted (projection, version)
        ON checkpoint.projection = wanted.projection AND checkpoint.version <> wanted.version
    ORDER BY checkpoint.projection, checkpoint.version
""")

PARKED = text("""
    SELECT position, stream, stream_version, name, error, parked_at FROM read.parked
    WHERE table_name = :table_name AND position > :after ORDER BY position LIMIT :limit
""")

# A read model that has stopped may stand at an event, which is not parked then.
IS_PARKED = text("""
    SELECT EXISTS (
            SELECT FROM read.parked WHERE table_name = :table_name AND (position = :position OR :position = 0)
        )
        OR CAST(:or_stopped AS boolean) AND EXISTS (
            SELECT FROM read.checkpoint
            WHERE projection || '_v' || version = :table_name AND stands_at = :position AND error <> ''
        ) AS parked
""")

TABLES_THERE = text("""
    SELECT name FROM unnest(CAST(:tables AS text[])) AS name
    WHERE has_table_privilege(to_regclass('read.' || quote_ident(name)), 'SELECT')
""")
