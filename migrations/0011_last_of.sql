-- Where the last event of some names stands, of those up to a position: what tells whether the rows that are made of such
-- events may have changed (docs/adr/0043). Readers learn a position, and nothing of the event.
--
-- One plan for all positions: it looks each name up in the index of the newest partition first, and ends where it is found.
CREATE FUNCTION log.last_of(names text[], reached bigint) RETURNS bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
    AS
$$
BEGIN
    RETURN (
        SELECT coalesce(max(newest.position), 0)
        FROM unnest(names) AS wanted (name)
        CROSS JOIN LATERAL (
            SELECT event.position FROM log.event
            WHERE event.name = wanted.name AND event.position <= reached
            ORDER BY event.position DESC LIMIT 1
        ) AS newest
    );
END
$$;
COMMENT ON FUNCTION log.last_of IS 'The position of the last event that has one of these names, up to a position; 0 for none.';
REVOKE EXECUTE ON FUNCTION log.last_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.last_of TO kroniek_reader;
