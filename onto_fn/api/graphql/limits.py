"""Bounds of what an operation may ask for, checked before anything is carried out.

Fields are counted as they will be answered: those of a fragment each time that it is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)
from graphql.language import Visitor, visit

from onto_fn.api.graphql.declared import GraphQL

_INTROSPECTION = frozenset({"__schema", "__type"})
"""Fields whose depth graphql-core bounds by itself."""


@dataclass(frozen=True)
class _Size:
    """How large a selection is: its fields, those within them as well, and how deep."""

    own: int = 0
    fields: int = 0
    depth: int = 0


class _Aliases(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self.count += node.alias is not None


def problems_of(
    document: DocumentNode, operation: OperationDefinitionNode, limits: GraphQL
) -> list[GraphQLError]:
    """What of a valid document is beyond the limits.

    Args:
        document: the document.
        operation: the one of its operations that is asked for.
        limits: the limits.
    """
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    aliases = _Aliases()
    visit(document, aliases)
    size = _Sizes(fragments, limits.max_fields).of(operation.selection_set)
    found = [
        (
            size.own,
            limits.max_roots,
            f"the operation has over {limits.max_roots} fields of its own",
        ),
        (size.depth, limits.max_depth, f"the operation is over {limits.max_depth} fields deep"),
        (size.fields, limits.max_fields, f"the operation has over {limits.max_fields} fields"),
        (aliases.count, limits.max_aliases, f"the document has over {limits.max_aliases} aliases"),
    ]
    return [
        GraphQLError(f"{text}; ask for less at once") for count, most, text in found if count > most
    ]


class _Sizes:
    """Sizes of selections; that of a fragment is computed once, as there may be many uses."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode], most: int) -> None:
        self._fragments = fragments
        self._most = most
        self._known: dict[str, _Size] = {}

    def of(self, selections: SelectionSetNode) -> _Size:
        sizes = [self._of(selection) for selection in selections.selections]
        return _Size(
            min(self._most + 1, sum(size.own for size in sizes)),
            min(self._most + 1, sum(size.fields for size in sizes)),
            max((size.depth for size in sizes), default=0),
        )

    def _of(self, selection: SelectionNode) -> _Size:
        if isinstance(selection, FragmentSpreadNode):
            name = selection.name.value
            if name not in self._known:
                self._known[name] = self.of(self._fragments[name].selection_set)
            return self._known[name]
        if isinstance(selection, InlineFragmentNode):
            return self.of(selection.selection_set)
        assert isinstance(selection, FieldNode)
        if selection.selection_set is None:
            return _Size(1, 1, 1)
        size = self.of(selection.selection_set)
        is_schema = selection.name.value in _INTROSPECTION
        return _Size(1, size.fields + 1, 1 if is_schema else size.depth + 1)
