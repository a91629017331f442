"""How types read: the context of a query, connections, visibility and what an answer discloses."""
