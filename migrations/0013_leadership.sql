-- Who leads: one process for each name, over an advisory lock of its session. The lock decides; a row names its holder.
CREATE SCHEMA leadership;
REVOKE ALL ON SCHEMA leadership FROM PUBLIC;

CREATE TABLE leadership.leader (
    name        text        NOT NULL PRIMARY KEY COLLATE "C",
    lock        bigint      NOT NULL,
    process     text        NOT NULL,
    session_pid integer     NOT NULL,
    since       timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE leadership.leader IS 'The last leader of each name; it leads while its session holds the lock of the name.';
COMMENT ON COLUMN leadership.leader.lock IS 'The advisory lock of the name.';
COMMENT ON COLUMN leadership.leader.seen_at IS 'When the leader last confirmed it: a silent one is replaced.';

-- An advisory lock of one bigint shows its halves.
CREATE FUNCTION leadership.holds(session_pid integer, lock bigint) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (
        SELECT FROM pg_locks AS held
        WHERE held.pid = holds.session_pid AND held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
          AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND (held.classid::bigint << 32 | held.objid::bigint) = holds.lock
    );
END;
COMMENT ON FUNCTION leadership.holds IS 'Whether a session holds an advisory lock.';
REVOKE ALL ON FUNCTION leadership.holds FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leadership.holds TO kroniek_writer, kroniek_reader;

GRANT USAGE ON SCHEMA leadership TO kroniek_writer, kroniek_reader;
GRANT SELECT, INSERT, UPDATE ON leadership.leader TO kroniek_writer;
GRANT SELECT ON leadership.leader TO kroniek_reader;
