"""The rights: who may send which command, ask for which type and field of GraphQL, and use which other door.

The right to a command is in its route (`api/rest/<context>.py`), that to another address in the table of `doors`. The
right to a GraphQL type or field follows from the read model that it is made of (`graph`). A command, address, type or
field without a right keeps the application from starting. Doors check the role; the rules of the domain check the
relation of the caller's organisation to the thing, and `projections.row_security` decides which rows it sees.
`tests/api/test_rights_*.py` prove each cell; `kroniek rights` prints docs/rights.md.
"""
