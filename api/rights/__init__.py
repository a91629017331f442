"""The rights: who may send which command, ask for which type and field of GraphQL, and use which other door.

Everything that is let in has a row in one of three tables: `commands`, `graph` and `doors`. What has none, and a row
that nothing has, stops the application from starting. Roles are checked against the tables, at the doors; what the
organisation of the caller has to be to the thing is checked by the rules of the domain, and which rows it sees by
`api.graph.queries.visibility`. `tests/api/test_rights_*.py` prove each cell; `page` writes docs/rights.md.
"""
