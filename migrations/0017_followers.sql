-- The checkpoint of a follower that was removed goes.
GRANT DELETE ON reactor.progress TO kroniek_writer;
