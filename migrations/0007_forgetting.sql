-- Forgetting a person: what points to them beside the events, and how far the keeper is, who carries erasures out.

-- --- What points to a person ----------------------------------------------------------------------------------------

-- Receipts lie in the order of the log, so that those of an event are found by its place at next to no cost for others.
CREATE INDEX receipt_position ON log.receipt USING brin (position) WITH (pages_per_range = 32, autosummarize = on);

-- Frees what the streams `claims_of` hold, and forgets what commands that wrote the events at `positions` of `streams`
-- were answered: a claim is a keyed hash of a number, and the fingerprint of a command one of all that it said. An append
-- writes fewer than a thousand events to a stream; its receipt names the last of them.
CREATE FUNCTION log.forget(claims_of text[], streams text[], positions bigint[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM log.claim WHERE stream = ANY (claims_of);
    DELETE FROM log.receipt AS held USING unnest(streams, positions) AS written (stream, position)
    WHERE held.stream = written.stream AND held.position BETWEEN written.position AND written.position + 999;
END;
REVOKE ALL ON FUNCTION log.forget FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.forget TO kroniek_writer;

-- --- The keeper -----------------------------------------------------------------------------------------------------

-- Here and not with the keys: a backup of the log that is brought back brings back how far its events were seen to.
CREATE SCHEMA keeper;
REVOKE ALL ON SCHEMA keeper FROM PUBLIC;

CREATE TABLE keeper.progress (
    singleton boolean     NOT NULL PRIMARY KEY DEFAULT true CHECK (singleton),
    log_id    uuid        NOT NULL DEFAULT log.id(),
    position  bigint      NOT NULL DEFAULT 0,
    error     text        NOT NULL DEFAULT '',
    failed_at timestamptz
);
INSERT INTO keeper.progress DEFAULT VALUES;
COMMENT ON COLUMN keeper.progress.position IS 'Whatever is due up to here is done, or waits.';
COMMENT ON COLUMN keeper.progress.error IS 'Why nothing can be done just now for anybody; empty while it can.';

-- What failed for one person, with all that is due for the same person after it, in the order of the log.
CREATE TABLE keeper.waiting (
    position  bigint      NOT NULL PRIMARY KEY,
    person_id text        NOT NULL COLLATE "C",
    name      text        NOT NULL COLLATE "C",
    tries     integer     NOT NULL DEFAULT 0,
    error     text        NOT NULL DEFAULT '',
    since     timestamptz NOT NULL DEFAULT clock_timestamp(),
    again_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX waiting_person ON keeper.waiting (person_id, position);
COMMENT ON COLUMN keeper.waiting.error IS 'What failed, without any value; empty for what only follows.';

GRANT USAGE ON SCHEMA keeper TO kroniek_writer, kroniek_reader;
GRANT SELECT, UPDATE ON keeper.progress TO kroniek_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON keeper.waiting TO kroniek_writer;
GRANT SELECT ON keeper.progress, keeper.waiting TO kroniek_reader;
