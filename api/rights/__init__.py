"""The rights: who may send which command, ask for which type and field of GraphQL, and use which other door.

The right to a command stands in its route (`api/rest/<context>.py`); everything else has a row in one of two tables,
`graph` and `doors`. A thing without a row, and a row of nothing, stop the application from starting. Roles are checked
at the doors; what the organisation of the caller has to be to the thing is checked by the rules of the domain, and
which rows it sees by `api.graph.queries.visibility`. `tests/api/test_rights_*.py` prove each cell; `page` writes
docs/rights.md.
"""
