"""What schemathesis makes of a description: its operations, and cases for one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import schemathesis
from schemathesis.core.result import Ok

Operation: TypeAlias = schemathesis.APIOperation[Any, Any, Any, Any]
AnyCase: TypeAlias = schemathesis.Case[Any]


def operations(schema: schemathesis.BaseSchema) -> Sequence[Operation]:
    """Return the operations that a schema describes; all of them have to be described well."""
    found = []
    for each in schema.get_all_operations():
        assert isinstance(each, Ok), each
        found.append(each.ok())
    return found
