-- `log.append` is planned once in a session (docs/adr/0031). With array parameters PL/pgSQL never settled for a generic plan,
-- and planned every statement again at every commit: 13 to 30 % of what an append cost the server.
--
-- A plan that is kept must not become wrong while the tables grow, so none of its statements leaves a choice: what an
-- append presumes is looked up by scalar sub-selects on primary keys, which are never turned into joins. The rest is as
-- before.

CREATE OR REPLACE FUNCTION log.append(
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
    SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
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
        WHERE coalesce((SELECT version FROM log.stream AS held WHERE held.stream = presumed.stream), 0)
              <> presumed.version
    ) THEN
        RETURN NULL;
    END IF;
    IF cardinality(presumed_digests) > 0 AND EXISTS (
        SELECT FROM unnest(presumed_digests, presumed_holders) AS presumed (digest, holder)
        WHERE coalesce((SELECT stream FROM log.claim AS held WHERE held.digest = presumed.digest), '')
              <> presumed.holder
    ) THEN
        RETURN NULL;
    END IF;
    IF cardinality(unused_keys) > 0 AND EXISTS (
        SELECT FROM unnest(unused_owners, unused_keys) AS presumed (organisation_id, key)
        WHERE (
            SELECT true FROM log.receipt AS known
            WHERE known.organisation_id = presumed.organisation_id AND known.key = presumed.key
        )
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
            -- A conflict is found by the index; an UPDATE would be a join, of which the planner chooses the kind.
            INSERT INTO log.stream (stream, version, first_position, last_position)
            SELECT stream, version, before + first_place, before + last_place
            FROM unnest(written_streams, written_known, written_to, first_places, last_places)
                 AS written (stream, known, version, first_place, last_place)
            WHERE known
            ON CONFLICT (stream) DO UPDATE SET version = excluded.version, last_position = excluded.last_position;
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
