-- What appends wait for is a lock that no role can take but through a function of the owner. An advisory lock is taken by
-- its number, by anybody who may connect: the weakest role could stop the log.

CREATE TABLE log.append_lock ();
COMMENT ON TABLE log.append_lock IS 'Empty. Whoever appends locks it until the commit, so that position order is commit order.';

CREATE FUNCTION log.lock_appends() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
BEGIN
    LOCK TABLE log.append_lock IN SHARE UPDATE EXCLUSIVE MODE;
END
$$;
COMMENT ON FUNCTION log.lock_appends IS 'Waits until nobody appends, and keeps others from it until the end of the transaction.';
REVOKE ALL ON FUNCTION log.lock_appends FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.lock_appends TO kroniek_writer;

-- `log.append` is as before, but for the lock.
DO
$$
DECLARE
    before text := pg_get_functiondef((SELECT oid FROM pg_proc WHERE oid::regproc::text = 'log.append'));
    wanted text := replace(
        before,
        'PERFORM pg_advisory_xact_lock(30243645427377515);',
        'LOCK TABLE log.append_lock IN SHARE UPDATE EXCLUSIVE MODE;'
    );
BEGIN
    IF wanted = before THEN
        RAISE EXCEPTION 'log.append does not take the lock that it is known to take.';
    END IF;
    EXECUTE wanted;
END
$$;
