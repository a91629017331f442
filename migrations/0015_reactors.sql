-- Reactors: each follows the log with a checkpoint of its own. What fails for a key waits, with what follows for that key.
-- Here and not with the keys: a backup of the log that is brought back brings back how far its events were reacted to.
CREATE SCHEMA reactor;
REVOKE ALL ON SCHEMA reactor FROM PUBLIC;

CREATE TABLE reactor.progress (
    name         text        NOT NULL PRIMARY KEY COLLATE "C",
    log_id       uuid        NOT NULL DEFAULT log.id(),
    position     bigint      NOT NULL DEFAULT 0,
    reacted      bigint      NOT NULL DEFAULT 0,
    events_per_s real        NOT NULL DEFAULT 0,
    saved_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    error        text        NOT NULL DEFAULT '',
    failed_at    timestamptz,
    act_position bigint      NOT NULL DEFAULT 0,
    paused_at    timestamptz,
    paused_by    text        NOT NULL DEFAULT '',
    paused_why   text        NOT NULL DEFAULT ''
);
COMMENT ON COLUMN reactor.progress.position IS 'Every event up to here was reacted to, or waits.';
COMMENT ON COLUMN reactor.progress.reacted IS 'How many events were reacted to.';
COMMENT ON COLUMN reactor.progress.error IS 'Why nothing can be done just now for any key; empty while it can.';
COMMENT ON COLUMN reactor.progress.act_position IS 'The last act of an administrator that was carried out.';

CREATE TABLE reactor.waiting_key (
    reactor   text        NOT NULL REFERENCES reactor.progress,
    key       text        NOT NULL COLLATE "C",
    tries     integer     NOT NULL DEFAULT 0,
    error     text        NOT NULL DEFAULT '',
    since     timestamptz NOT NULL DEFAULT clock_timestamp(),
    again_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    parked_at timestamptz,
    PRIMARY KEY (reactor, key)
);
CREATE INDEX waiting_key_ready ON reactor.waiting_key (reactor, again_at) WHERE parked_at IS NULL;
COMMENT ON TABLE reactor.waiting_key IS 'The keys whose first waiting event failed, is slow, or waits for another reactor.';
COMMENT ON COLUMN reactor.waiting_key.error IS 'What failed, without any value; empty where nothing did.';
COMMENT ON COLUMN reactor.waiting_key.parked_at IS 'Since when it is not tried again by itself.';

CREATE TABLE reactor.waiting_event (
    reactor  text   NOT NULL,
    position bigint NOT NULL,
    key      text   NOT NULL COLLATE "C",
    name     text   NOT NULL COLLATE "C",
    PRIMARY KEY (reactor, position),
    FOREIGN KEY (reactor, key) REFERENCES reactor.waiting_key ON DELETE CASCADE
);
CREATE INDEX waiting_event_key ON reactor.waiting_event (reactor, key, position);

GRANT USAGE ON SCHEMA reactor TO kroniek_writer, kroniek_reader;
GRANT SELECT, INSERT, UPDATE ON reactor.progress TO kroniek_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON reactor.waiting_key, reactor.waiting_event TO kroniek_writer;
GRANT SELECT ON reactor.progress, reactor.waiting_key, reactor.waiting_event TO kroniek_reader;

-- One reactor did it all before, with one checkpoint: three go on from there.
INSERT INTO reactor.progress (name, log_id, position)
SELECT name, log_id, position FROM keeper.progress, unnest(ARRAY['blind-index', 'eraser', 'invoice-retention']) AS name;

CREATE TEMPORARY TABLE taken_over ON COMMIT DROP AS
SELECT reactor, position, person_id AS key, waiting.name, tries, error, since, again_at
FROM keeper.waiting
JOIN (VALUES ('blind-index', 'identity.person-registered.v1'), ('blind-index', 'erasure.keys-destroyed.v1'),
             ('eraser', 'erasure.requested.v1'), ('eraser', 'erasure.keys-destroyed.v1'),
             ('invoice-retention', 'invoicing.invoice-received.v1')) AS reacts (reactor, event_name)
    ON event_name = waiting.name;
INSERT INTO reactor.waiting_key (reactor, key, tries, error, since, again_at)
SELECT DISTINCT ON (reactor, key) reactor, key, tries, error, since, again_at FROM taken_over ORDER BY reactor, key, position;
INSERT INTO reactor.waiting_event (reactor, position, key, name) SELECT reactor, position, key, name FROM taken_over;
DROP SCHEMA keeper CASCADE;
