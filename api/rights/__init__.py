"""The rights: who may send which command, ask for which type and field of GraphQL, and use which other door.

The right to a command stands in its route (`api/rest/<context>.py`), that to another address in the table of `doors`.
Who may ask for a GraphQL type or field follows from the read model that it is made of (`graph`). What has no right
stops the application from starting. Roles are checked at the doors; what the organisation of the caller has to be to
the thing is checked by the rules of the domain, and which rows it sees by `projections.row_security`.
`tests/api/test_rights_*.py` prove each cell; `page` writes docs/rights.md.
"""
