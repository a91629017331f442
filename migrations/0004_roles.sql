-- Who may do what. Each process works as the role of its task; none of them may change, empty or disarm the log.
--
--   the owner         whoever migrates: makes and changes the schema, and is needed for nothing else
--   kroniek_writer    the doors: reads the log, writes through `log.append` alone
--   kroniek_projector the worker: reads events, makes and keeps the read models
--   kroniek_reader    queries: the read models, and how far the log is
--   kroniek_auditor   a person: all events and all read models, to read

-- --- The roles ------------------------------------------------------------------------------------------------------

-- Roles belong to the server, not to the database: they may be there already, and another database may be making them
-- at this moment. The owner takes part in all of them, so that it can hand the read models over to the projector.
DO
$$
DECLARE
    wanted  text;
    lacking text[] := '{}';
BEGIN
    FOREACH wanted IN ARRAY ARRAY['kroniek_writer', 'kroniek_projector', 'kroniek_reader', 'kroniek_auditor'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN
                    NULL;
                WHEN insufficient_privilege THEN
                    lacking := lacking || format('CREATE ROLE %1$I NOLOGIN; GRANT %1$I TO %2$I;', wanted, current_user);
                    CONTINUE;
            END;
        END IF;
        IF NOT pg_has_role(current_user, wanted, 'USAGE') THEN
            BEGIN
                EXECUTE format('GRANT %I TO %I', wanted, current_user);
            EXCEPTION
                WHEN unique_violation THEN
                    NULL;
                WHEN insufficient_privilege THEN
                    lacking := lacking || format('GRANT %I TO %I;', wanted, current_user);
            END;
        END IF;
    END LOOP;
    IF lacking <> '{}' THEN
        RAISE insufficient_privilege USING MESSAGE = format(
            'the login %I may not make the roles of the platform; let an administrator of the server run: %s',
            current_user, array_to_string(lacking, ' ')
        );
    END IF;
END
$$;

-- --- The log --------------------------------------------------------------------------------------------------------

-- When the first event after a position was recorded; NULL after the last one. The partitions are asked by their own
-- names, so that their number does not matter, nor whether they are still attached.
CREATE FUNCTION log.recorded_after(reached bigint) RETURNS timestamptz
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
DECLARE
    part  regclass;
    found timestamptz;
BEGIN
    FOR part IN
        SELECT to_regclass(format('log.event_%s', number)) FROM log.partition
        WHERE last_position > reached ORDER BY first_position
    LOOP
        -- NULL is a partition that was put away.
        IF part IS NOT NULL THEN
            EXECUTE format('SELECT recorded_at FROM %s WHERE position > $1 ORDER BY position LIMIT 1', part)
            INTO found USING reached;
            EXIT WHEN found IS NOT NULL;
        END IF;
    END LOOP;
    RETURN found;
END
$$;

REVOKE ALL ON SCHEMA log FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA log FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA log FROM PUBLIC;
GRANT USAGE ON SCHEMA log TO kroniek_writer, kroniek_projector, kroniek_reader, kroniek_auditor;

-- `log.append` writes with the rights of the owner. What a caller could put into its own temporary schema is looked at
-- last, so that no name in the function can mean something of the caller's.
ALTER FUNCTION log.append SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION log.give_up SET search_path = pg_catalog, pg_temp;
ALTER FUNCTION log.add_partition SET search_path = pg_catalog, pg_temp;
GRANT EXECUTE ON FUNCTION log.append, log.give_up TO kroniek_writer;
GRANT EXECUTE ON FUNCTION log.id, log.head TO kroniek_writer, kroniek_projector, kroniek_reader, kroniek_auditor;

GRANT SELECT ON log.event, log.partition, log.identity, log.commit
    TO kroniek_writer, kroniek_projector, kroniek_auditor;
GRANT SELECT ON log.stored_events, log.stream TO kroniek_writer, kroniek_auditor;
GRANT SELECT ON log.claim, log.receipt TO kroniek_writer;

-- How far the read models are behind: no more of an event than its place and time.
GRANT EXECUTE ON FUNCTION log.recorded_after TO kroniek_reader;
GRANT SELECT (position) ON log.commit TO kroniek_reader;
GRANT SELECT (log_id) ON log.identity TO kroniek_reader;

-- Partitions are also read by their own names; `log.add_partition` grants the same on those to come.
DO
$$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT format('log.event_%s', number)::regclass FROM log.partition LOOP
        EXECUTE format('GRANT SELECT ON %s TO kroniek_writer, kroniek_projector, kroniek_auditor', part);
    END LOOP;
END
$$;

-- --- The read models ------------------------------------------------------------------------------------------------

REVOKE ALL ON SCHEMA read FROM PUBLIC;
GRANT USAGE ON SCHEMA read TO kroniek_projector, kroniek_reader, kroniek_auditor;
GRANT CREATE ON SCHEMA read TO kroniek_projector;
GRANT SELECT ON ALL TABLES IN SCHEMA read TO kroniek_reader, kroniek_auditor;
GRANT SELECT, INSERT, UPDATE ON read.checkpoint TO kroniek_projector;

-- Those who query see each read model as soon as there is one, whoever made it.
ALTER DEFAULT PRIVILEGES IN SCHEMA read GRANT SELECT ON TABLES TO kroniek_reader, kroniek_auditor;
ALTER DEFAULT PRIVILEGES FOR ROLE kroniek_projector IN SCHEMA read
    GRANT SELECT ON TABLES TO kroniek_reader, kroniek_auditor;

-- A rebuild puts another table in the place of the one in use, which only the owner of both may.
DO
$$
DECLARE
    model regclass;
BEGIN
    FOR model IN
        SELECT oid FROM pg_class
        WHERE relnamespace = 'read'::regnamespace AND relkind = 'r' AND oid <> 'read.checkpoint'::regclass
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO kroniek_projector', model);
    END LOOP;
END
$$;

-- Every process looks whether the schema is the one that it knows.
GRANT SELECT ON kroniek_migration TO kroniek_writer, kroniek_projector, kroniek_reader;
