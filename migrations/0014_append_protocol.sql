-- A release that writes the log in another way than this database expects is refused, and the log stays writable. Release
-- 0.1.0 inserted the events itself: one such append beside `log.append` left an event that the log's head did not count,
-- and every later append failed.
--
-- A writer names the protocol that it follows, and `log.append` takes one: the number of the migration that changed last how
-- the log is written. A later change gives `log.append` and the triggers below its own number (docs/adr/0054).

-- Nobody is in the middle of an append while this is changed.
SELECT log.lock_appends();

CREATE FUNCTION log.refuse_writer() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS
$$
BEGIN
    RAISE EXCEPTION 'This release writes the log in another way than this database expects.'
        USING ERRCODE = 'object_not_in_prerequisite_state',
              HINT = 'Stop it, and start the release of Kroniek that migrated the database last.';
END
$$;
COMMENT ON FUNCTION log.refuse_writer IS 'Raises 55000: older releases answer it with 503 log-unavailable.';

-- --- Writers that name no protocol ----------------------------------------------------------------------------------

DO
$$
DECLARE
    known    oid  := 'log.append'::regproc;
    before   text := pg_get_functiondef(known);
    named    text := replace(before, 'log.append(writer_id uuid', 'log.append(protocol integer, writer_id uuid');
    verified text := regexp_replace(named, E'\nBEGIN\n', E'\nBEGIN\n'
        || E'    IF protocol IS DISTINCT FROM 14 THEN\n'
        || E'        PERFORM log.refuse_writer();\n'
        || E'    END IF;\n'
        || E'    -- The triggers refuse an insert that is not made here.\n'
        || E'    PERFORM set_config(''kroniek.append_protocol'', ''14'', true);\n\n');
BEGIN
    IF named = before OR verified = named THEN
        RAISE EXCEPTION 'log.append has not the form that it is known to have.';
    END IF;
    EXECUTE verified;
    -- The signature of before stays, since a release that calls it is told why it is refused.
    EXECUTE format(
        'CREATE OR REPLACE FUNCTION log.append(%s) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER '
        'SET search_path = pg_catalog, pg_temp AS %L',
        pg_get_function_arguments(known), 'BEGIN PERFORM log.refuse_writer(); RETURN NULL; END'
    );
    EXECUTE format(
        'REVOKE ALL ON FUNCTION log.append(integer, %1$s), log.refuse_writer() FROM PUBLIC;'
        'GRANT EXECUTE ON FUNCTION log.append(integer, %1$s) TO kroniek_writer',
        (SELECT string_agg(format_type(type, NULL), ', ' ORDER BY place)
         FROM pg_proc, unnest(proargtypes) WITH ORDINALITY AS parameter (type, place) WHERE pg_proc.oid = known)
    );
END
$$;

-- --- Writers that insert by themselves ------------------------------------------------------------------------------

CREATE FUNCTION log.refuse_insert() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS
$$
BEGIN
    PERFORM log.refuse_writer();
END
$$;
REVOKE ALL ON FUNCTION log.refuse_insert FROM PUBLIC;

-- A condition without a row costs a statement next to nothing. It keeps out older releases, not an owner who means it.
DO
$$
DECLARE
    written text;
BEGIN
    FOREACH written IN ARRAY ARRAY['event', 'claim', 'receipt'] LOOP
        EXECUTE format(
            'CREATE TRIGGER %1$s_is_appended BEFORE INSERT ON log.%1$s FOR EACH STATEMENT '
            'WHEN (current_setting(''kroniek.append_protocol'', true) IS DISTINCT FROM ''14'') '
            'EXECUTE FUNCTION log.refuse_insert()', written
        );
    END LOOP;
END
$$;
