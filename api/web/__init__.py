"""What every door shares: errors, middleware, limits, the read barrier and the access record."""
