-- The keys of data subjects, in a database of their own. Its one login owns it; no role of the log may connect.
--
--   keys.kek           key-encryption keys: their names only; a key provider holds the keys themselves
--   keys.key           one row for each data subject and purpose, for ever: also where the key was destroyed
--   keys.secret        the keys, each wrapped by a key-encryption key; gone when the key is destroyed
--   keys.named_secret  keys that belong to no person, wrapped alike

CREATE SCHEMA keys;
REVOKE ALL ON SCHEMA keys FROM PUBLIC;

-- --- Key-encryption keys --------------------------------------------------------------------------------------------

-- A name is registered before the provider makes the key, so that whoever is killed in between can go on. New keys are
-- wrapped by the current one. A retired one wraps nothing, and nothing ever again.
CREATE TABLE keys.kek (
    kek_id       text PRIMARY KEY CHECK (kek_id <> ''),
    registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    current_from timestamptz,
    retired_at   timestamptz,
    is_current   boolean NOT NULL DEFAULT false,
    CHECK (NOT is_current OR (current_from IS NOT NULL AND retired_at IS NULL))
);
CREATE UNIQUE INDEX kek_current ON keys.kek (is_current) WHERE is_current;

-- --- Keys of data subjects ------------------------------------------------------------------------------------------

-- `destruction` numbers destructions in the order in which they were committed: who has seen all up to a number has
-- missed none.
CREATE TABLE keys.key (
    key_id        bytea PRIMARY KEY CHECK (length(key_id) = 16),
    subject_id    text NOT NULL CHECK (subject_id <> ''),
    purpose_group text NOT NULL CHECK (purpose_group <> ''),
    made_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    destroyed_at  timestamptz,
    destruction   bigint,
    shredded_at   timestamptz,
    UNIQUE (subject_id, purpose_group),
    CHECK ((destroyed_at IS NULL) = (destruction IS NULL)),
    CHECK (shredded_at IS NULL OR destroyed_at IS NOT NULL)
);
CREATE INDEX key_destruction ON keys.key (destruction) WHERE destruction IS NOT NULL;
CREATE INDEX key_unshredded ON keys.key (destroyed_at) WHERE destroyed_at IS NOT NULL AND shredded_at IS NULL;

-- In parts by the hash of the id: shredding writes anew the parts in which destroyed keys lay, not all of them.
CREATE TABLE keys.secret (
    key_id  bytea PRIMARY KEY REFERENCES keys.key,
    kek_id  text NOT NULL REFERENCES keys.kek,
    wrapped bytea NOT NULL CHECK (length(wrapped) BETWEEN 32 AND 512)
) PARTITION BY HASH (key_id);
CREATE INDEX secret_kek ON keys.secret (kek_id);

DO
$$
BEGIN
    FOR number IN 0..31 LOOP
        EXECUTE format(
            'CREATE TABLE keys.secret_%1$s PARTITION OF keys.secret FOR VALUES WITH (MODULUS 32, REMAINDER %1$s)', number
        );
    END LOOP;
END
$$;

CREATE TABLE keys.named_secret (
    name    text PRIMARY KEY CHECK (name <> ''),
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kek_id  text NOT NULL REFERENCES keys.kek,
    wrapped bytea NOT NULL CHECK (length(wrapped) BETWEEN 32 AND 512)
);
CREATE INDEX named_secret_kek ON keys.named_secret (kek_id);

-- The number of the last destruction. Its one row is locked by each destruction until it is committed.
CREATE TABLE keys.last_destruction (
    number  bigint NOT NULL,
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row)
);
INSERT INTO keys.last_destruction (number) VALUES (0);

-- --- What can never be undone ---------------------------------------------------------------------------------------

CREATE FUNCTION keys.refuse() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = format('%I.%I keeps what it has: %s is refused',
                                                        TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP);
END
$$;

CREATE FUNCTION keys.guard_key() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    IF (NEW.key_id, NEW.subject_id, NEW.purpose_group, NEW.made_at)
           IS DISTINCT FROM (OLD.key_id, OLD.subject_id, OLD.purpose_group, OLD.made_at)
       OR OLD.destroyed_at IS NOT NULL
           AND (NEW.destroyed_at, NEW.destruction) IS DISTINCT FROM (OLD.destroyed_at, OLD.destruction)
       OR OLD.shredded_at IS NOT NULL AND NEW.shredded_at IS DISTINCT FROM OLD.shredded_at THEN
        RAISE insufficient_privilege USING MESSAGE = 'what a key is, and that it was destroyed, never changes';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION keys.guard_kek() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    IF (NEW.kek_id, NEW.registered_at) IS DISTINCT FROM (OLD.kek_id, OLD.registered_at)
       OR OLD.retired_at IS NOT NULL AND NEW IS DISTINCT FROM OLD THEN
        RAISE insufficient_privilege USING MESSAGE = 'a key-encryption key that was retired stays so';
    END IF;
    RETURN NEW;
END
$$;

-- The row of the key-encryption key is locked meanwhile: it cannot be retired under what is being wrapped with it.
CREATE FUNCTION keys.guard_wrapping() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    PERFORM FROM keys.kek WHERE kek_id = NEW.kek_id AND retired_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING MESSAGE = 'a key-encryption key that was retired wraps nothing';
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION keys.guard_secret() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    IF EXISTS (SELECT FROM keys.key WHERE key_id = NEW.key_id AND destroyed_at IS NOT NULL) THEN
        RAISE insufficient_privilege USING MESSAGE = 'a key that was destroyed does not come back';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER keep BEFORE DELETE OR TRUNCATE ON keys.key EXECUTE FUNCTION keys.refuse();
CREATE TRIGGER guard BEFORE UPDATE ON keys.key FOR EACH ROW EXECUTE FUNCTION keys.guard_key();
CREATE TRIGGER keep BEFORE DELETE OR TRUNCATE ON keys.kek EXECUTE FUNCTION keys.refuse();
CREATE TRIGGER guard BEFORE UPDATE ON keys.kek FOR EACH ROW EXECUTE FUNCTION keys.guard_kek();
CREATE TRIGGER keep BEFORE DELETE OR TRUNCATE ON keys.last_destruction EXECUTE FUNCTION keys.refuse();
CREATE TRIGGER guard BEFORE INSERT ON keys.secret FOR EACH ROW EXECUTE FUNCTION keys.guard_secret();
CREATE TRIGGER guard_wrapping BEFORE INSERT OR UPDATE ON keys.secret
    FOR EACH ROW EXECUTE FUNCTION keys.guard_wrapping();
CREATE TRIGGER guard_wrapping BEFORE INSERT OR UPDATE ON keys.named_secret
    FOR EACH ROW EXECUTE FUNCTION keys.guard_wrapping();

ALTER TABLE keys.key ENABLE ALWAYS TRIGGER keep;
ALTER TABLE keys.key ENABLE ALWAYS TRIGGER guard;
ALTER TABLE keys.kek ENABLE ALWAYS TRIGGER keep;
ALTER TABLE keys.kek ENABLE ALWAYS TRIGGER guard;
ALTER TABLE keys.last_destruction ENABLE ALWAYS TRIGGER keep;
ALTER TABLE keys.secret ENABLE ALWAYS TRIGGER guard;
ALTER TABLE keys.secret ENABLE ALWAYS TRIGGER guard_wrapping;
ALTER TABLE keys.named_secret ENABLE ALWAYS TRIGGER guard_wrapping;

-- --- Making, destroying, shredding ----------------------------------------------------------------------------------

-- Make keys where there are none yet; return the ids of those made. Who makes the same at the same time waits for the
-- other: all insert in the same order, so nobody waits in a circle. NULL, and nothing is made, where another key-encryption
-- key is the current one by now; it stays current until what is made here is committed.
CREATE FUNCTION keys.make(
    key_ids bytea[], subject_ids text[], purpose_groups text[], kek_id text, wrappeds bytea[]
) RETURNS bytea[] LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS
$$
#variable_conflict use_column
DECLARE
    made bytea[];
BEGIN
    PERFORM FROM keys.kek WHERE kek.kek_id = make.kek_id AND is_current FOR SHARE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    WITH new AS (
        INSERT INTO keys.key (key_id, subject_id, purpose_group)
        SELECT * FROM unnest(make.key_ids, make.subject_ids, make.purpose_groups) AS wanted (key_id, subject_id, purpose_group)
        ORDER BY subject_id, purpose_group
        ON CONFLICT (subject_id, purpose_group) DO NOTHING
        RETURNING key_id
    )
    SELECT coalesce(array_agg(key_id), '{}') INTO made FROM new;
    INSERT INTO keys.secret (key_id, kek_id, wrapped)
    SELECT wanted.key_id, make.kek_id, wanted.wrapped
    FROM unnest(make.key_ids, make.wrappeds) AS wanted (key_id, wrapped)
    WHERE wanted.key_id = ANY (made);
    RETURN made;
END
$$;

-- Destroy the keys of these owners. Who has none gets a row that says so for ever, under one of the ids given.
CREATE FUNCTION keys.destroy(key_ids bytea[], subject_ids text[], purpose_groups text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS
$$
#variable_conflict use_column
DECLARE
    next_number bigint;
BEGIN
    UPDATE keys.last_destruction SET number = number + 1 RETURNING number INTO next_number;
    INSERT INTO keys.key AS known (key_id, subject_id, purpose_group, destroyed_at, destruction)
    SELECT key_id, subject_id, purpose_group, clock_timestamp(), next_number
    FROM unnest(destroy.key_ids, destroy.subject_ids, destroy.purpose_groups) AS wanted (key_id, subject_id, purpose_group)
    ORDER BY subject_id, purpose_group
    ON CONFLICT (subject_id, purpose_group) DO UPDATE SET destroyed_at = clock_timestamp(), destruction = next_number
        WHERE known.destroyed_at IS NULL;
    -- Locked by a statement of its own, so that the next one sees what was written anew while it waited.
    LOCK TABLE keys.secret IN ROW EXCLUSIVE MODE;
    DELETE FROM keys.secret USING keys.key
    WHERE secret.key_id = key.key_id AND key.destruction = next_number;
END
$$;

-- Write the part in which a key lay anew, with what is left in it: the file of before is gone when this is committed.
-- VACUUM FULL would take with it what some old transaction of this database might still see. Whoever looks for a key
-- waits behind the lock, so it is not waited for long: while a backup reads the table, somebody tries again later.
CREATE FUNCTION keys.write_anew(part regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS
$$
DECLARE
    kept_ids  bytea[];
    kept_keks text[];
    kept      bytea[];
BEGIN
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', part);
    EXECUTE format('SELECT array_agg(key_id), array_agg(kek_id), array_agg(wrapped) FROM %s', part)
        INTO kept_ids, kept_keks, kept;
    EXECUTE format('TRUNCATE %s', part);
    EXECUTE format('INSERT INTO %s (key_id, kek_id, wrapped) SELECT * FROM unnest($1, $2, $3)', part)
        USING kept_ids, kept_keks, kept;
END
$$;

CREATE FUNCTION keys.part_of(key_id bytea) RETURNS regclass
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS
$$
    SELECT to_regclass(format('keys.secret_%s', number)) FROM generate_series(0, 31) AS number
    WHERE satisfies_hash_partition('keys.secret'::regclass, 32, number, key_id)
$$;
