-- The read models: their tables are made by the projector, one for each version of a projection, and never migrated.

CREATE SCHEMA read;

CREATE TABLE read.checkpoint (
    projection text        NOT NULL COLLATE "C",
    version    integer     NOT NULL,
    position   bigint      NOT NULL CHECK (position >= 0),
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (projection, version)
);

COMMENT ON COLUMN read.checkpoint.position IS 'The last position whose event is in the rows.';
