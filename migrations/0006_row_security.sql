-- Forced row-level security on the read models: whoever reads without saying for whom sees no row.
--
-- The policies are made by the projector with the tables, since they belong to the columns of a version
-- (projections/row_security.py). Here are those of the tables that an earlier release made: they are closed, and are
-- opened to readers, with their conditions, as soon as `kroniek migrate` or a worker of this release has looked at them.

-- A right on a table comes with its policies: what is only being filled is read by nobody but projector and auditors.
ALTER DEFAULT PRIVILEGES IN SCHEMA read REVOKE SELECT ON TABLES FROM kroniek_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE kroniek_projector IN SCHEMA read REVOKE SELECT ON TABLES FROM kroniek_reader;

DO
$$
DECLARE
    model regclass;
BEGIN
    FOR model IN
        SELECT oid FROM pg_class
        WHERE relnamespace = 'read'::regnamespace AND relkind = 'r' AND relowner = 'kroniek_projector'::regrole
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM kroniek_reader', model);
        -- Rows that are being filled this moment would be refused; the worker that takes them over forces it itself.
        CONTINUE WHEN model::text ~ '_(build|sums|swap)"?$';
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', model);
        EXECUTE format('CREATE POLICY kept ON %s TO kroniek_projector USING (true) WITH CHECK (true)', model);
        EXECUTE format('CREATE POLICY audited ON %s FOR SELECT TO kroniek_auditor USING (true)', model);
    END LOOP;
END
$$;
