"""What is asked of PostgreSQL itself: arrays of values, locks and calls that many callers share."""
