"""A smaller declaration that has the same fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from emulator_tests.fuzz.declarations import Declaration, Stored

MOST_TRIALS = 60


def reduced(declaration: Declaration, is_broken: Callable[[Declaration], bool]) -> Declaration:
    """The smallest declaration found by leaving out parts, one after the other.

    Args:
        declaration: that has a fault.
        is_broken: whether a declaration has the same fault.
    """
    trials = 0
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for candidate in _smaller(declaration):
            trials += 1
            if trials > MOST_TRIALS:
                return declaration
            if is_broken(candidate):
                declaration, is_smaller = candidate, True
                break
    return declaration


def _smaller(declaration: Declaration) -> Iterator[Declaration]:
    if len(declaration.documents) > 1:
        for document in declaration.documents:
            yield replace(declaration, documents=(document,))
    if declaration.child is not None:
        yield _without_child(declaration)
    if declaration.computed is not None:
        yield _without_computed(declaration)
    for one in declaration.fields:
        if len(declaration.fields) > 1:
            yield _without(declaration, one.name)
    if declaration.is_joined or declaration.is_typed:
        yield replace(declaration, is_joined=False, is_typed=False)
    bare = _declared_alone(declaration)
    if bare != declaration:
        yield bare


def _without(declaration: Declaration, name: str) -> Declaration:
    if declaration.computed is not None and declaration.computed[0].name == name:
        declaration = _without_computed(declaration)
    gone = next(one for one in declaration.fields if one.name == name)
    fields = tuple(one for one in declaration.fields if one is not gone)
    target = declaration.target
    wrong = declaration.wrong
    return replace(
        _mapped(declaration, {gone.stored}, {name}),
        fields=fields,
        target=fields[0] if target is None or target.name == name else target,
        wrong=None if wrong is None or wrong[0] == gone.stored else wrong,
    )


def _without_child(declaration: Declaration) -> Declaration:
    stored = {one.stored for one in declaration.child or ()} | {"obj_type"}
    return replace(_mapped(declaration, stored, set()), child=None)


def _without_computed(declaration: Declaration) -> Declaration:
    assert declaration.computed is not None
    made = _mapped(declaration, {declaration.computed[1]}, {"computed_part"})
    return replace(made, computed=None)


def _declared_alone(declaration: Declaration) -> Declaration:
    """Its documents have no other fields than those that are declared."""
    known = {one.stored for one in (*declaration.fields, *(declaration.child or ()))}
    known |= {"obj_type"} if declaration.child else set()
    extra = {name for document in declaration.documents for name in document.fields} - known
    return _mapped(declaration, extra, set())


def _mapped(declaration: Declaration, stored: set[str], kept: set[str]) -> Declaration:
    def less(document: Stored) -> Stored:
        return Stored(
            {name: value for name, value in document.fields.items() if name not in stored},
            {name: value for name, value in document.kept.items() if name not in kept},
        )

    return replace(
        declaration,
        documents=tuple(map(less, declaration.documents)),
        other=less(declaration.other),
        request=less(declaration.request),
    )
