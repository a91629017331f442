-- Shredding that leaves no bytes of a destroyed key: not in the statistics of the planner, and not in a file that a
-- crash left without an owner.

-- --- Statistics -----------------------------------------------------------------------------------------------------

-- ANALYZE keeps values of columns. It collects none of wrapped keys and digests any more; what it collected goes with
-- the change of a column's type, even to the same one.
ALTER TABLE keys.secret ALTER COLUMN wrapped TYPE bytea, ALTER COLUMN wrapped SET STATISTICS 0;
ALTER TABLE keys.blind_index ALTER COLUMN digest SET STATISTICS 0;

-- --- Parts ----------------------------------------------------------------------------------------------------------

-- Parts are exchanged for tables, which foreign keys would make a lock of everything. What they refer to is never
-- deleted, and the guards look for it.
ALTER TABLE keys.secret DROP CONSTRAINT secret_key_id_fkey, DROP CONSTRAINT secret_kek_id_fkey;

CREATE OR REPLACE FUNCTION keys.guard_secret() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    IF NOT EXISTS (SELECT FROM keys.key WHERE key_id = NEW.key_id AND destroyed_at IS NULL) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a key that was destroyed does not come back';
    END IF;
    RETURN NEW;
END
$$;

-- Make the empty table that a part of `parent` is to be written into. Call it in a transaction of its own, before
-- `write_part`: after a crash the files of tables that were not committed stay for ever, with what was written in them.
CREATE FUNCTION keys.make_spare(parent regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS
$$
DECLARE
    spare text := parent::text || '_spare';
    without_statistics name;
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS %s', spare);
    EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING ALL)', spare, parent);
    FOR without_statistics IN
        SELECT attname FROM pg_attribute WHERE attrelid = parent AND attnum > 0 AND attstattarget = 0
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0', spare, without_statistics);
    END LOOP;
END
$$;

-- Write what is left in a part into the spare table, and put that in its place: the file of before goes at the commit.
-- Reading goes on until the tables are exchanged. While a backup reads them, somebody tries again later.
CREATE FUNCTION keys.write_part(part regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS
$$
DECLARE
    parent regclass;
    spare  text;
    part_name name;
    bound  text;
BEGIN
    SELECT inhparent, inhparent::regclass::text || '_spare', relname, pg_get_expr(relpartbound, pg_class.oid)
    INTO STRICT parent, spare, part_name, bound
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhrelid = part;
    EXECUTE format('LOCK TABLE %s IN EXCLUSIVE MODE', parent);
    EXECUTE format('INSERT INTO %s SELECT * FROM %s', spare, part);
    EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', parent, part);
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s %s', parent, spare, bound);
    EXECUTE format('DROP TABLE %s', part);
    EXECUTE format('ALTER TABLE %s RENAME TO %I', spare, part_name);
    IF parent = 'keys.blind_index'::regclass THEN
        DELETE FROM keys.blind_index_residue WHERE blind_index_residue.part = 'keys.' || part_name;
    END IF;
END
$$;
