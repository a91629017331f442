"""What the log has to survive: kills, a full disk, a sync that fails, and readers that must miss nothing.

`python -m tests.torture` runs it for long, the tests of the log for a few seconds. Writers are processes of their own
and tell the parent, which nobody kills, what the log has acknowledged; the log is then held against that. So is what
projections make of it, whose workers and rebuilds are killed too.
"""
