"""What a document may ask for at most. The rules are made once: the cache of validated documents goes by them."""

from __future__ import annotations

from typing import Any

from graphql import (
    ASTValidationRule,
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from graphql.validation import ValidationContext

MOST_DEPTH = 10
MOST_ALIASES = 30
MOST_TOKENS = 2_000


class DepthRule(ASTValidationRule):
    """Refuses operations whose fields are nested too deeply; introspection has a limit of its own."""

    def enter_operation_definition(self, node: OperationDefinitionNode, *_args: Any) -> None:  # noqa: ANN401
        if self._is_too_deep(node):
            message = f"Fields are nested more than {MOST_DEPTH} deep."
            self.report_error(GraphQLError(message, node, extensions={"code": "query-too-deep"}))

    def _is_too_deep(self, operation: OperationDefinitionNode) -> bool:
        # A stack and not recursion; a fragment is looked at again only where it stands deeper than before.
        waiting: list[tuple[SelectionSetNode, int]] = [(operation.selection_set, 1)]
        deepest: dict[str, int] = {}
        while waiting:
            selections, depth = waiting.pop()
            for selection in selections.selections:
                match selection:
                    case FieldNode() if not selection.name.value.startswith("__"):
                        if depth > MOST_DEPTH:
                            return True
                        if selection.selection_set is not None:
                            waiting.append((selection.selection_set, depth + 1))
                    case InlineFragmentNode():
                        waiting.append((selection.selection_set, depth))
                    case FragmentSpreadNode() if deepest.get(selection.name.value, 0) < depth:
                        deepest[selection.name.value] = depth
                        fragment = self.context.get_fragment(selection.name.value)
                        if fragment is not None:
                            waiting.append((fragment.selection_set, depth))
                    case _:
                        pass
        return False


class AliasRule(ASTValidationRule):
    """Refuses documents that ask for the same thing under very many names."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._aliases = 0

    def enter_field(self, node: FieldNode, *_args: Any) -> None:  # noqa: ANN401 - the visitor's own arguments
        if node.alias is None:
            return
        self._aliases += 1
        if self._aliases == MOST_ALIASES + 1:
            message = f"There are more than {MOST_ALIASES} aliases."
            self.report_error(GraphQLError(message, node, extensions={"code": "too-many-aliases"}))


RULES: list[type[ASTValidationRule]] = [DepthRule, AliasRule]
