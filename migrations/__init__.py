"""The schema of the log and of the checkpoints, as numbered SQL files, each applied once."""
