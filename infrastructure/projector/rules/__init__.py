"""Rules as data: traced once, checked against their rows, printed, and turned into Python for worker and rebuild."""
