"""The log beside its peers: appends, full commands, imports, and what they cost when the log has grown."""
