"""How GraphQL types read rows: the context of a query, connections, groups, and the persons in an answer."""
