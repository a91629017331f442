-- Who leads: one process for each name, over an advisory lock of its session. The lock decides; a row names its holder.
CREATE SCHEMA leadership;
REVOKE ALL ON SCHEMA leadership FROM PUBLIC;

CREATE TABLE leadership.leader (
    name        text        NOT NULL PRIMARY KEY COLLATE "C",
    process     text        NOT NULL,
    session_pid integer     NOT NULL,
    since       timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE leadership.leader IS 'The last leader of each name; it leads while its session holds the lock of the name.';
COMMENT ON COLUMN leadership.leader.seen_at IS 'When the leader last confirmed it: a silent one is replaced.';

GRANT USAGE ON SCHEMA leadership TO kroniek_writer, kroniek_reader;
GRANT SELECT, INSERT, UPDATE ON leadership.leader TO kroniek_writer;
GRANT SELECT ON leadership.leader TO kroniek_reader;
