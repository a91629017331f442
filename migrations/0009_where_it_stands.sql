-- The event at which a read model has stopped: the only one that is not parked and may be skipped.

ALTER TABLE read.checkpoint ADD COLUMN stands_at bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN read.checkpoint.stands_at IS
    'While there is an error: the position of the event that it could not apply; 0 where it is no event.';
