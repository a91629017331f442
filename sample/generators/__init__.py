"""Who does what in the sample history: one module for each part of the platform, written month by month."""
