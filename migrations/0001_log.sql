-- The log: every event of every stream, in commit order, for ever.

CREATE SCHEMA log;

CREATE TABLE log.event (
    position        bigint      NOT NULL PRIMARY KEY CHECK (position > 0),
    recorded_at     timestamptz NOT NULL,
    effective_at    timestamptz NOT NULL,
    version         integer     NOT NULL CHECK (version >= 0),
    stream          text        NOT NULL COLLATE "C",
    name            text        NOT NULL COLLATE "C",
    payload         bytea       NOT NULL,
    acting_id       text        NOT NULL COLLATE "C",
    subject_id      text        NOT NULL COLLATE "C",
    organisation_id text        NOT NULL COLLATE "C",
    mandate_id      text        NOT NULL COLLATE "C",
    activity        text        NOT NULL COLLATE "C",
    command_id      text        NOT NULL COLLATE "C",
    correlation_id  text        NOT NULL COLLATE "C",
    causation_id    text        NOT NULL COLLATE "C",
    trace           text        NOT NULL COLLATE "C"
);

-- The order of a stream. In the C collation it also finds all streams that begin with a prefix.
CREATE UNIQUE INDEX event_stream_version ON log.event (stream, version);

-- Readers of a few event types do not scan the log.
CREATE INDEX event_name_position ON log.event (name, position);

COMMENT ON COLUMN log.event.position IS 'Place in the whole log: 1, 2, 3 ... without gaps, in commit order.';
COMMENT ON COLUMN log.event.payload IS 'The exact bytes; never re-encoded.';
COMMENT ON COLUMN log.event.recorded_at IS 'Set by the log; never goes back.';

-- Unique values, each held by one stream. Only a keyed hash is stored, and a row goes with its person.
CREATE TABLE log.claim (
    digest bytea NOT NULL PRIMARY KEY,
    stream text  NOT NULL COLLATE "C"
);
CREATE INDEX claim_stream ON log.claim (stream);

-- What a command with an idempotency key did, so that asking twice answers twice but decides once.
CREATE TABLE log.receipt (
    organisation_id text        NOT NULL COLLATE "C",
    key             text        NOT NULL COLLATE "C",
    fingerprint     bytea       NOT NULL,
    stream          text        NOT NULL COLLATE "C",
    version         integer     NOT NULL,
    position        bigint      NOT NULL,
    events          text[]      NOT NULL,
    recorded_at     timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, key)
);

CREATE FUNCTION log.refuse_change() RETURNS trigger
    LANGUAGE plpgsql AS
$$
BEGIN
    RAISE EXCEPTION 'The log is append-only: % is refused.', TG_OP USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER event_is_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON log.event
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
ALTER TABLE log.event ENABLE ALWAYS TRIGGER event_is_append_only;

COMMENT ON COLUMN log.event.version IS 'Place in the stream, from 1; streams of the eventsourcing library may begin at 0.';

-- The log in the words of the eventsourcing library, whose recorder reads it through this view.
CREATE VIEW log.stored_events AS
SELECT stream AS originator_id, version AS originator_version, name AS topic, payload AS state,
       position AS notification_id
FROM log.event;
