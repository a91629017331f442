"""The query API beside its peers: the same questions to three servers on the same tables."""
