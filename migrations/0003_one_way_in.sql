-- One way into the log: `log.append`, which alone may write, whoever calls it. And a log that grows by partitions.

-- --- Who the log is, and where its parts lie ------------------------------------------------------------------------

CREATE TABLE log.identity (
    singleton        boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (singleton),
    log_id           uuid    NOT NULL DEFAULT gen_random_uuid(),
    partition_events bigint  NOT NULL DEFAULT 20000000 CHECK (partition_events > 0)
);
INSERT INTO log.identity DEFAULT VALUES;
COMMENT ON COLUMN log.identity.log_id IS 'A position means something in this log only.';
COMMENT ON COLUMN log.identity.partition_events IS 'How many positions the next partitions cover.';

CREATE TABLE log.partition (
    number         integer NOT NULL PRIMARY KEY,
    first_position bigint  NOT NULL UNIQUE,
    last_position  bigint  NOT NULL,
    attached       boolean NOT NULL DEFAULT true
);
COMMENT ON TABLE log.partition IS 'Partition N is the table log.event_N; detached, it is still there to be read or put away.';

-- The log so far becomes the first partition.
DROP VIEW log.stored_events;
ALTER TABLE log.event RENAME TO event_1;
ALTER TABLE log.event_1 RENAME CONSTRAINT event_pkey TO event_1_pkey;
-- `log.append` gives positions and versions; PostgreSQL would read a CHECK anew from its catalog for every commit.
ALTER TABLE log.event_1 DROP CONSTRAINT event_position_check, DROP CONSTRAINT event_version_check;
ALTER INDEX log.event_stream_version RENAME TO event_1_stream_version;
ALTER INDEX log.event_name_position RENAME TO event_1_name_position;

CREATE TABLE log.event (
    LIKE log.event_1 INCLUDING COMMENTS,
    PRIMARY KEY (position)
) PARTITION BY RANGE (position);
CREATE INDEX event_name_position ON log.event (name, position);
CREATE TRIGGER event_is_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON log.event
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
ALTER TABLE log.event ENABLE ALWAYS TRIGGER event_is_append_only;

INSERT INTO log.partition (number, first_position, last_position)
SELECT 1, 1, (coalesce(max(position), 0) / partition_events + 1) * partition_events
FROM log.identity LEFT JOIN log.event_1 ON true
GROUP BY partition_events;

DO
$$
BEGIN
    EXECUTE format(
        'ALTER TABLE log.event ATTACH PARTITION log.event_1 FOR VALUES FROM (1) TO (%s)',
        (SELECT last_position + 1 FROM log.partition)
    );
END
$$;

CREATE VIEW log.stored_events AS
SELECT stream AS originator_id, version AS originator_version, name AS topic, payload AS state,
       position AS notification_id
FROM log.event;

-- Where each stream stands. An append is checked against it, whatever partition the stream began in.
CREATE TABLE log.stream (
    stream         text    NOT NULL PRIMARY KEY COLLATE "C",
    version        integer NOT NULL,
    first_position bigint  NOT NULL,
    last_position  bigint  NOT NULL
) WITH (fillfactor = 90);
INSERT INTO log.stream
SELECT stream, max(version), min(position), max(position) FROM log.event GROUP BY stream;

-- The last commit of each writer, and so the head of the log. A writer that lost its connection finds here whether its
-- commit took place. Rows are added and removed, never updated: under an old snapshot too, the head is found at once.
CREATE TABLE log.commit (
    position    bigint      NOT NULL PRIMARY KEY,
    recorded_at timestamptz NOT NULL,
    writer_id   uuid        NOT NULL,
    batch       bigint      NOT NULL
);
INSERT INTO log.commit
SELECT position, recorded_at, gen_random_uuid(), 0 FROM log.event ORDER BY position DESC LIMIT 1;

-- Attempts of a writer below this number were given up: one that was under way when its connection was lost, and arrives
-- when its callers have been told what became of them, must not write any more.
CREATE TABLE log.fence (
    writer_id uuid   NOT NULL PRIMARY KEY,
    below     bigint NOT NULL
);

CREATE FUNCTION log.id() RETURNS uuid LANGUAGE sql STABLE SET search_path = pg_catalog
RETURN (SELECT log_id FROM log.identity);

CREATE FUNCTION log.head() RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog
RETURN (SELECT coalesce(max(position), 0) FROM log.commit);

ALTER TABLE read.checkpoint ADD COLUMN log_id uuid NOT NULL DEFAULT log.id();
COMMENT ON COLUMN read.checkpoint.log_id IS 'The log whose position this is.';

-- --- Partitions -----------------------------------------------------------------------------------------------------

CREATE FUNCTION log.add_partition() RETURNS bigint
    LANGUAGE plpgsql SET search_path = pg_catalog AS
$$
DECLARE
    last  log.partition;
    added log.partition;
BEGIN
    SELECT * INTO STRICT last FROM log.partition ORDER BY first_position DESC LIMIT 1;
    INSERT INTO log.partition (number, first_position, last_position)
    SELECT last.number + 1, last.last_position + 1, last.last_position + partition_events FROM log.identity
    RETURNING * INTO added;
    -- Made aside and then attached: readers and writers of the log need not stop for it.
    EXECUTE format('CREATE TABLE log.event_%s (LIKE log.event INCLUDING ALL)', added.number);
    EXECUTE format('CREATE UNIQUE INDEX event_%1$s_stream_version ON log.event_%1$s (stream, version)', added.number);
    EXECUTE format(
        'CREATE TRIGGER event_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.event_%s '
        'FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change()', added.number
    );
    EXECUTE format('ALTER TABLE log.event_%s ENABLE ALWAYS TRIGGER event_is_append_only', added.number);
    -- It is also read by its own name, by the roles of the next migration.
    EXECUTE format(
        'GRANT SELECT ON log.event_%s TO kroniek_writer, kroniek_projector, kroniek_auditor', added.number
    );
    EXECUTE format(
        'ALTER TABLE log.event ATTACH PARTITION log.event_%s FOR VALUES FROM (%s) TO (%s)',
        added.number, added.first_position, added.last_position + 1
    );
    RETURN added.last_position;
END
$$;

-- Takes the oldest partition out of the log's own table; it stays in the database, is read as before, and can be moved to
-- other disks, dumped and put away. Waits for readers and writers a moment only, then gives up.
CREATE FUNCTION log.detach_partition(wanted integer) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog SET lock_timeout = '2s' AS
$$
BEGIN
    IF wanted IS DISTINCT FROM (SELECT min(number) FROM log.partition WHERE attached) THEN
        RAISE EXCEPTION 'Partitions are detached from the oldest on.' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF (SELECT last_position FROM log.partition WHERE number = wanted) >= log.head() THEN
        RAISE EXCEPTION 'The log still grows in partition %.', wanted USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    EXECUTE format('ALTER TABLE log.event DETACH PARTITION log.event_%s', wanted);
    UPDATE log.partition SET attached = false WHERE number = wanted;
END
$$;

CREATE FUNCTION log.attach_partition(wanted integer) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog SET lock_timeout = '2s' AS
$$
DECLARE
    detached log.partition;
    events   bigint;
BEGIN
    SELECT * INTO detached FROM log.partition
    WHERE number = wanted AND number = (SELECT max(number) FROM log.partition WHERE NOT attached);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'Partitions are attached again from the newest of the detached on.'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    EXECUTE format(
        'SELECT count(*) FROM log.event_%s WHERE position BETWEEN %s AND %s',
        wanted, detached.first_position, detached.last_position
    ) INTO events;
    IF events <> detached.last_position - detached.first_position + 1 THEN
        RAISE EXCEPTION 'Partition % is not whole: it has % events.', wanted, events USING ERRCODE = 'data_corrupted';
    END IF;
    EXECUTE format(
        'ALTER TABLE log.event ATTACH PARTITION log.event_%s FOR VALUES FROM (%s) TO (%s)',
        wanted, detached.first_position, detached.last_position + 1
    );
    UPDATE log.partition SET attached = true WHERE number = wanted;
END
$$;

-- --- Appending ------------------------------------------------------------------------------------------------------

-- The caller has settled which appends stand, presuming what the log holds of all that they touch. If it holds exactly
-- that, everything is written in this one call and the result is the head before it; if not, nothing is, and it is null.
CREATE FUNCTION log.append(
    writer_id         uuid,
    batch             bigint,
    outdated          bigint[],
    presumed_streams  text[],
    presumed_versions integer[],
    presumed_digests  bytea[],
    presumed_holders  text[],
    unused_owners     text[],
    unused_keys       text[],
    effective_ats     timestamptz[],
    versions          integer[],
    streams           text[],
    names             text[],
    payloads          bytea[],
    acting_ids        text[],
    subject_ids       text[],
    organisation_ids  text[],
    mandate_ids       text[],
    activities        text[],
    command_ids       text[],
    correlation_ids   text[],
    causation_ids     text[],
    traces            text[],
    written_streams   text[],
    written_known     boolean[],
    written_to        integer[],
    first_places      integer[],
    last_places       integer[],
    released          bytea[],
    claimed           bytea[],
    claimed_by        text[],
    key_owners        text[],
    keys              text[],
    fingerprints      bytea[],
    receipt_streams   text[],
    receipt_versions  integer[],
    receipt_places    integer[],
    receipt_events    text[]
) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog SET enable_seqscan = off
    AS
$$
#variable_conflict use_column
DECLARE
    events constant integer := cardinality(streams);
    before   bigint;
    at       timestamptz;
    covered  bigint;
    given_up boolean;
BEGIN
    -- Held until the commit, so that position order is commit order.
    PERFORM pg_advisory_xact_lock(30243645427377515);

    -- What is confirmed is on disk, whatever the session, its role or the database is set to by now.
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;

    SELECT coalesce(head.position, 0), greatest(clock_timestamp(), head.recorded_at), newest.last_position,
           EXISTS (SELECT FROM log.fence WHERE fence.writer_id = append.writer_id AND below > append.batch)
    INTO before, at, covered, given_up
    FROM (SELECT last_position FROM log.partition ORDER BY first_position DESC LIMIT 1) AS newest
    LEFT JOIN (SELECT position, recorded_at FROM log.commit ORDER BY position DESC LIMIT 1) AS head ON true;

    IF given_up OR EXISTS (
        SELECT FROM unnest(presumed_streams, presumed_versions) AS presumed (stream, version)
        LEFT JOIN log.stream AS held ON held.stream = presumed.stream
        WHERE coalesce(held.version, 0) <> presumed.version
    ) THEN
        RETURN NULL;
    END IF;
    IF cardinality(presumed_digests) > 0 AND EXISTS (
        SELECT FROM unnest(presumed_digests, presumed_holders) AS presumed (digest, holder)
        LEFT JOIN log.claim AS held ON held.digest = presumed.digest
        WHERE coalesce(held.stream, '') <> presumed.holder
    ) THEN
        RETURN NULL;
    END IF;
    IF cardinality(unused_keys) > 0 AND EXISTS (
        SELECT FROM unnest(unused_owners, unused_keys) AS presumed (organisation_id, key)
        JOIN log.receipt AS known USING (organisation_id, key)
    ) THEN
        RETURN NULL;
    END IF;

    IF events > 0 THEN
        WHILE covered < before + events LOOP
            covered := log.add_partition();
        END LOOP;

        INSERT INTO log.event
        -- All in step, row by row; in FROM each array would first become a table of its own.
        SELECT before + generate_series(1, events), at, unnest(effective_ats), unnest(versions), unnest(streams),
               unnest(names), unnest(payloads), unnest(acting_ids), unnest(subject_ids), unnest(organisation_ids),
               unnest(mandate_ids), unnest(activities), unnest(command_ids), unnest(correlation_ids),
               unnest(causation_ids), unnest(traces);

        INSERT INTO log.stream (stream, version, first_position, last_position)
        SELECT stream, version, before + first_place, before + last_place
        FROM unnest(written_streams, written_known, written_to, first_places, last_places)
             AS written (stream, known, version, first_place, last_place)
        WHERE NOT known;
        IF true = ANY (written_known) THEN
            UPDATE log.stream AS held
            SET version = written.version, last_position = before + written.last_place
            FROM unnest(written_streams, written_known, written_to, last_places)
                 AS written (stream, known, version, last_place)
            WHERE held.stream = written.stream AND written.known;
        END IF;

        IF cardinality(outdated) > 0 THEN
            DELETE FROM log.commit AS own WHERE position = ANY (outdated) AND own.writer_id = append.writer_id;
        END IF;
        INSERT INTO log.commit VALUES (before + events, at, append.writer_id, append.batch);
        PERFORM pg_notify('kroniek_log', (before + events)::text);
    END IF;

    IF cardinality(released) > 0 THEN
        DELETE FROM log.claim WHERE digest = ANY (released);
    END IF;
    IF cardinality(claimed) > 0 THEN
        INSERT INTO log.claim (digest, stream)
        SELECT digest, stream FROM unnest(claimed, claimed_by) AS new (digest, stream)
        ON CONFLICT (digest) DO NOTHING;
    END IF;
    IF cardinality(keys) > 0 THEN
        -- The names of events have no spaces.
        INSERT INTO log.receipt (organisation_id, key, fingerprint, stream, version, position, events, recorded_at)
        SELECT organisation_id, key, fingerprint, stream, version, before + place, string_to_array(events, ' '), at
        FROM unnest(key_owners, keys, fingerprints, receipt_streams, receipt_versions, receipt_places,
                    receipt_events)
             AS new (organisation_id, key, fingerprint, stream, version, place, events);
    END IF;
    RETURN before;
END
$$;

-- Gives up the attempts of a writer below a number. Its transaction holds the lock of the log.
CREATE FUNCTION log.give_up(writer_id uuid, attempts_below bigint) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog
BEGIN ATOMIC
    INSERT INTO log.fence AS held (writer_id, below) VALUES (give_up.writer_id, attempts_below)
    ON CONFLICT (writer_id) DO UPDATE SET below = greatest(held.below, excluded.below);
END;
