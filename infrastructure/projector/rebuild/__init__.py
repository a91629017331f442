"""Builds rows beside those in use, in several processes, and switches over to them."""
