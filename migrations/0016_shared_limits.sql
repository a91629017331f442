-- Limits that all processes on this database keep together, and ids that may be used once: what is counted for a minute and
-- then forgotten (docs/adr/0054). Unlogged: a crash of the server empties both, and nothing of them is in the journal.

CREATE SCHEMA limits;
REVOKE ALL ON SCHEMA limits FROM PUBLIC;
GRANT USAGE ON SCHEMA limits TO kroniek_writer;

CREATE UNLOGGED TABLE limits.bucket (
    key   bytea            NOT NULL PRIMARY KEY CHECK (length(key) = 16),
    level double precision NOT NULL,
    at    timestamptz      NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE limits.bucket IS 'The tokens left of a limit, at an instant. A row that is a minute old is full: it is as good as none.';
COMMENT ON COLUMN limits.bucket.key IS 'A keyed hash of the limit and of the organisation or address that it is for.';

CREATE UNLOGGED TABLE limits.used_id (
    digest bytea       NOT NULL PRIMARY KEY CHECK (length(digest) = 16),
    until  timestamptz NOT NULL
);
COMMENT ON TABLE limits.used_id IS 'Digests of proofs and assertions that were used, until they expire.';

-- Takes tokens out of buckets that hold `per_minute` and fill within a minute: as many as are wanted and there, or none
-- where fewer than the least are there. A negative number of wanted tokens gives tokens back. Returns for each place in
-- the arrays the granted tokens and the whole ones that are left. Rows are locked in the order of their keys.
CREATE FUNCTION limits.lease(keys bytea[], per_minutes integer[], leasts integer[], wanteds integer[])
    RETURNS TABLE (place bigint, granted integer, remaining integer)
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS
$$
#variable_conflict use_variable
DECLARE
    asked record;
    level double precision;
BEGIN
    FOR asked IN
        SELECT * FROM unnest(keys, per_minutes, leasts, wanteds) WITH ORDINALITY
                      AS one (key, per_minute, least_tokens, wanted, place)
        ORDER BY one.key, one.place
    LOOP
        INSERT INTO limits.bucket AS held (key, level, at)
        VALUES (asked.key, asked.per_minute, clock_timestamp())
        ON CONFLICT ON CONSTRAINT bucket_pkey DO UPDATE
        SET level = least(
                asked.per_minute,
                held.level + greatest(extract(epoch FROM clock_timestamp() - held.at), 0) * asked.per_minute / 60
            ),
            at = clock_timestamp()
        RETURNING held.level INTO level;
        place := asked.place;
        granted := CASE
            WHEN asked.wanted < 0 THEN asked.wanted
            WHEN floor(level) < asked.least_tokens THEN 0
            ELSE least(asked.wanted, floor(level))
        END;
        level := least(asked.per_minute, level - granted);
        remaining := floor(level);
        IF granted <> 0 THEN
            UPDATE limits.bucket AS held SET level = level WHERE held.key = asked.key;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;

-- Notes ids as used for so many seconds; returns those that were not used before, or whose time was over.
CREATE FUNCTION limits.use_ids(digests bytea[], seconds integer[]) RETURNS SETOF bytea
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO limits.used_id AS held (digest, until)
    SELECT one.digest, clock_timestamp() + one.seconds * interval '1 second'
    FROM unnest(digests, seconds) AS one (digest, seconds) ORDER BY one.digest
    ON CONFLICT (digest) DO UPDATE SET until = excluded.until WHERE held.until < clock_timestamp()
    RETURNING held.digest;
END;

-- Forgets what is over, and of the buckets all but the newest `most`: a forgotten one is full again.
CREATE FUNCTION limits.clean(most bigint) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM limits.used_id WHERE until < clock_timestamp();
    DELETE FROM limits.bucket WHERE at < clock_timestamp() - interval '1 minute';
    DELETE FROM limits.bucket WHERE at <= (SELECT at FROM limits.bucket ORDER BY at DESC OFFSET most LIMIT 1);
END;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA limits FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA limits TO kroniek_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON limits.bucket, limits.used_id TO kroniek_writer;
