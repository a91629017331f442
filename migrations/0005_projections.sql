-- Read models that are rebuilt beside the rows in use, events that were parked, and what can be seen of both.
--
-- The rows of a projection lie in read.<name>_v<version>. Beside them there may be, with the same columns:
--   ..._build         rows that are being made anew
--   ..._before        the rows that were in use before the last takeover, kept so that it can be undone
--   ..._at_<position> the rows as they were at a position

ALTER TABLE read.checkpoint
    ADD COLUMN generation   integer          NOT NULL DEFAULT 0,
    ADD COLUMN act_position bigint           NOT NULL DEFAULT 0,
    ADD COLUMN events_per_s double precision NOT NULL DEFAULT 0,
    ADD COLUMN error        text             NOT NULL DEFAULT '',
    ADD COLUMN failed_at    timestamptz;
COMMENT ON COLUMN read.checkpoint.generation IS 'How often the rows were replaced as a whole.';
COMMENT ON COLUMN read.checkpoint.act_position IS 'The last act of an administrator that was carried out.';
COMMENT ON COLUMN read.checkpoint.events_per_s IS 'How fast it went on lately.';
COMMENT ON COLUMN read.checkpoint.error IS 'Why it cannot go on; empty while it can.';

-- The rows that were in use before the last takeover: how far they had come.
CREATE TABLE read.previous (
    projection text        NOT NULL COLLATE "C",
    version    integer     NOT NULL,
    position   bigint      NOT NULL,
    kept_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (projection, version)
);

-- Every making of rows beside those in use: to take their place, to verify them, or as they were.
CREATE TABLE read.build (
    build_id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    projection    text        NOT NULL COLLATE "C",
    version       integer     NOT NULL,
    purpose       text        NOT NULL CHECK (purpose IN ('first', 'rebuild', 'verification', 'as_of', 'undo')),
    state         text        NOT NULL DEFAULT 'waiting' CHECK (state IN
                      ('waiting', 'filling', 'indexing', 'catching_up', 'comparing', 'done', 'cancelled', 'failed')),
    by_worker     boolean     NOT NULL,
    act_position  bigint      NOT NULL DEFAULT 0,
    asked_by      text        NOT NULL DEFAULT '',
    why           text        NOT NULL DEFAULT '',
    position      bigint      NOT NULL DEFAULT 0,
    events_done   bigint      NOT NULL DEFAULT 0,
    events_total  bigint      NOT NULL DEFAULT 0,
    cancel_asked  boolean     NOT NULL DEFAULT false,
    equal         boolean,
    rows          bigint,
    sha256        text        NOT NULL DEFAULT '',
    outcome       text        NOT NULL DEFAULT '',
    asked_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at    timestamptz,
    ended_at      timestamptz
);
CREATE INDEX build_projection ON read.build (projection, build_id);
COMMENT ON COLUMN read.build.by_worker IS 'The worker does it, and does it again when it was interrupted.';
COMMENT ON COLUMN read.build.act_position IS 'The act that asked for it; 0 for the command line and for new versions.';
COMMENT ON COLUMN read.build.equal IS 'Whether the rows equal those in use at this position; null when that was not looked at.';

-- Events whose effects are not in the rows of a table, because a rule failed on them or on an earlier one of their stream.
CREATE TABLE read.parked (
    table_name     text        NOT NULL COLLATE "C",
    position       bigint      NOT NULL,
    stream         text        NOT NULL COLLATE "C",
    stream_version integer     NOT NULL,
    name           text        NOT NULL COLLATE "C",
    error          text        NOT NULL DEFAULT '',
    parked_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (table_name, position)
);
CREATE INDEX parked_stream ON read.parked (table_name, stream, position);
COMMENT ON COLUMN read.parked.error IS 'What failed, without any value of the event; empty for those that only follow.';

-- Parked events that an administrator wants to lead to nothing. An act on an event that is not parked is not kept here.
CREATE TABLE read.skipped (
    projection   text   NOT NULL COLLATE "C",
    position     bigint NOT NULL,
    act_position bigint NOT NULL,
    PRIMARY KEY (projection, position)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON read.previous, read.build, read.parked, read.skipped TO kroniek_projector;
GRANT DELETE ON read.checkpoint TO kroniek_projector;
GRANT SELECT ON read.previous, read.build, read.parked, read.skipped TO kroniek_reader, kroniek_auditor;

-- Filling in parallel is planned by where the streams stand.
GRANT SELECT ON log.stream TO kroniek_projector;

-- --- Who looks after a read model ------------------------------------------------------------------------------------

-- A session that looks after the rows in use (kind 1), or makes new ones (kind 2), holds an advisory lock for as long as
-- it lives: two never do the same, and whoever looks sees whether anybody does.
CREATE FUNCTION read.lock_key(projection text, version integer) RETURNS integer
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog
RETURN hashtext(projection || '/' || version);

CREATE FUNCTION read.take(kind integer, projection text, version integer) RETURNS boolean
    LANGUAGE sql VOLATILE SET search_path = pg_catalog
RETURN pg_try_advisory_lock(1886547818 + kind, read.lock_key(projection, version));

CREATE FUNCTION read.give_back(kind integer, projection text, version integer) RETURNS boolean
    LANGUAGE sql VOLATILE SET search_path = pg_catalog
RETURN pg_advisory_unlock(1886547818 + kind, read.lock_key(projection, version));

CREATE FUNCTION read.is_taken(kind integer, projection text, version integer) RETURNS boolean
    LANGUAGE sql VOLATILE SET search_path = pg_catalog
RETURN EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 2
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND classid::bigint = 1886547818 + kind
      AND objid::bigint = read.lock_key(projection, version)::bigint & 4294967295
);

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA read FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read.take, read.give_back TO kroniek_projector;
GRANT EXECUTE ON FUNCTION read.is_taken, read.lock_key TO kroniek_projector, kroniek_reader, kroniek_auditor;
