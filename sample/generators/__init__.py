"""The generators of the sample history: one module for each part of the platform, called month by month."""
