-- Which sample the log holds, by the idempotency keys of its first and last commands (docs/adr/0042). `kroniek sample` writes
-- them in the transactions of their events, and the fingerprint of each is the digest of the key itself: no request can
-- have that one, since requests are fingerprinted under a secret key.
CREATE FUNCTION log.sample() RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
    SELECT substring(key FROM '^sample:(.*):[^:]*$') FROM log.receipt
    WHERE organisation_id = 'platform' AND key >= 'sample:' AND key < 'sample;'
      AND fingerprint = sha256(convert_to(key, 'UTF8'))
    LIMIT 1
$$;
COMMENT ON FUNCTION log.sample IS 'Seed and scale of the sample that the log holds, as 2014:1; null if it holds none.';
REVOKE EXECUTE ON FUNCTION log.sample FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.sample TO kroniek_reader, kroniek_auditor;
