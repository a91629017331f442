-- Who leads now. A standby knows no locks: there, who had confirmed itself lately when it was last written to.
CREATE VIEW leadership.leading AS
SELECT name, process, since FROM leadership.leader
WHERE CASE WHEN pg_is_in_recovery()
           THEN coalesce(seen_at > pg_last_xact_replay_timestamp() - interval '15 seconds', true)
           ELSE leadership.holds(session_pid, lock)
      END;
COMMENT ON VIEW leadership.leading IS 'The leader of each name that has one.';
GRANT SELECT ON leadership.leading TO kroniek_writer, kroniek_reader;
