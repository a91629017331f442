-- People found by their numbers: who knows a number finds the person, and who knows the person never finds the number.
--
--   keys.blind_index          one row for each person and purpose: a keyed hash of the number, by a key of the purpose
--   keys.blind_index_residue  parts in which rows lay that were deleted and are not overwritten yet
--
-- It can be made again from the log, and holds nobody whose key of identification was destroyed.

-- One number is one person's, and the log sees to that; should it ever be two people's, the table does not choose.
-- In parts by the hash of the digest: a look-up goes to one of them, and overwriting writes anew one of them.
CREATE TABLE keys.blind_index (
    purpose   text NOT NULL CHECK (purpose <> ''),
    digest    bytea NOT NULL CHECK (length(digest) = 32),
    person_id text NOT NULL CHECK (person_id <> ''),
    PRIMARY KEY (purpose, digest, person_id)
) PARTITION BY HASH (digest);
CREATE INDEX blind_index_person ON keys.blind_index (person_id);

DO
$$
BEGIN
    FOR number IN 0..31 LOOP
        EXECUTE format(
            'CREATE TABLE keys.blind_index_%1$s PARTITION OF keys.blind_index'
            ' FOR VALUES WITH (MODULUS 32, REMAINDER %1$s)', number
        );
    END LOOP;
END
$$;

CREATE TABLE keys.blind_index_residue (
    part text PRIMARY KEY
);

-- Add rows of people who are not erased. Their keys are locked meanwhile: who is erased at the same time is so before,
-- and left out, or after, and deleted. Keys are locked in the order in which destructions lock them.
CREATE FUNCTION keys.index_people(purposes text[], digests bytea[], person_ids text[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS
$$
DECLARE
    alive text[];
BEGIN
    SELECT array_agg(subject_id) INTO alive FROM (
        SELECT subject_id FROM keys.key
        WHERE subject_id = ANY (person_ids) AND purpose_group = 'identification' AND destroyed_at IS NULL
        ORDER BY subject_id FOR SHARE
    ) AS locked;
    INSERT INTO keys.blind_index (purpose, digest, person_id)
    SELECT * FROM unnest(purposes, digests, person_ids) AS wanted (purpose, digest, person_id)
    WHERE person_id = ANY (alive)
    ON CONFLICT DO NOTHING;
END
$$;

-- The rows go in the transaction that destroys the key. The parts are locked by a statement of its own, so that the next
-- one sees what was written anew while it waited.
CREATE FUNCTION keys.leave_blind_index() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS
$$
BEGIN
    LOCK TABLE keys.blind_index IN ROW EXCLUSIVE MODE;
    WITH gone AS (
        DELETE FROM keys.blind_index WHERE person_id = NEW.subject_id RETURNING tableoid
    )
    INSERT INTO keys.blind_index_residue (part)
    SELECT DISTINCT gone.tableoid::regclass::text FROM gone
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER leave_blind_index AFTER UPDATE OF destroyed_at ON keys.key FOR EACH ROW
    WHEN (OLD.destroyed_at IS NULL AND NEW.destroyed_at IS NOT NULL AND NEW.purpose_group = 'identification')
    EXECUTE FUNCTION keys.leave_blind_index();
ALTER TABLE keys.key ENABLE ALWAYS TRIGGER leave_blind_index;

-- Write a part of the index anew with what is left in it, and take it off the list. Rows that are deleted meanwhile
-- wait for the lock, and put it on the list again.
CREATE FUNCTION keys.overwrite_blind_index(part regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS
$$
DECLARE
    kept_purposes text[];
    kept_digests  bytea[];
    kept_people   text[];
BEGIN
    EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', part);
    EXECUTE format('SELECT array_agg(purpose), array_agg(digest), array_agg(person_id) FROM %s', part)
        INTO kept_purposes, kept_digests, kept_people;
    EXECUTE format('TRUNCATE %s', part);
    EXECUTE format('INSERT INTO %s (purpose, digest, person_id) SELECT * FROM unnest($1, $2, $3)', part)
        USING kept_purposes, kept_digests, kept_people;
    DELETE FROM keys.blind_index_residue WHERE blind_index_residue.part = overwrite_blind_index.part::text;
END
$$;
