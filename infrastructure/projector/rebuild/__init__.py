"""Makes rows again beside those in use, in several processes, and puts them in their place."""
