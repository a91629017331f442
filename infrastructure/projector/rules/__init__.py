"""Rules as data: traced once, compared with their rows, printed, and turned into Python for worker and rebuild."""
