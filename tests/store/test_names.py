"""The reads that a getter uses are found in its code, on each version of Python."""

from __future__ import annotations

import dis
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from onto_fn.store.names import names_used

OUTSIDE = [1]


class Helper:
    def method(self, store: Any) -> Any:
        return store.a.b


def with_statement(store: Any) -> Any:
    first, second = store.a, store.b
    return first, second, store.c


def with_closure(store: Any) -> Any:
    def inner() -> Any:
        return store.a

    return inner() or [lambda: store.b]


def with_keyword(store: Any, *, other: Any = None) -> Any:
    other = store.a
    return other.z, store


def in_branches(store: Any) -> Any:
    if store.a:
        return store.b
    for item in store.c:
        if item.z:
            return store.d
    try:
        return store.e
    finally:
        del item


def rebound(store: Any) -> Any:
    store = store.a
    return store.z


def rebound_in_a_loop(store: Any) -> Any:
    for store in store.a:  # noqa: B020
        return store.z
    return None


def rebound_inside(store: Any) -> Any:
    def inner() -> None:
        nonlocal store
        store = OUTSIDE

    inner()
    return store.z


def many_names(store: Any) -> Any:
    """So many names that the last ones take an extended argument."""
    return store.last


BODY = "\n    ".join(f"OUTSIDE.n{number}" for number in range(600))
exec(f"def many_names(store):\n    {BODY}\n    return store.last", globals())

GETTERS: list[tuple[Callable[..., Any], set[str]]] = [
    (lambda store: store.a, {"a"}),
    (lambda store: store.a.b.c, {"a"}),
    (lambda store: store.a(), {"a"}),
    (lambda store: [store.a, store.b, store.c.d], {"a", "b", "c"}),
    (lambda store: [x.z for x in store.a], {"a"}),
    (lambda store: [store.b for x in store.a if x in store.c], {"a", "b", "c"}),
    (lambda store: [y.z for x in store.a for y in x.q if store.b], {"a", "b"}),
    (lambda store: dict.fromkeys(store.a, store.b), {"a", "b"}),
    (lambda store: any(store.b for _ in "a"), {"b"}),
    (lambda store: [[store.b for _ in x] for x in store.a], {"a", "b"}),
    (lambda store: {**store.a, "b": store.b}, {"a", "b"}),
    (lambda store: (OUTSIDE, store.a)[1], {"a"}),
    (lambda store: f"{store.a}{store.b!r}", {"a", "b"}),
    (lambda store: store.a or (store.b and store.c), {"a", "b", "c"}),
    (lambda store: store.a if store.b else store.c, {"a", "b", "c"}),
    (lambda store: store.a == store.b, {"a", "b"}),
    (lambda store: store.a + store.b, {"a", "b"}),
    (lambda store: sorted(store.a, key=lambda x: (x.z, store.b)), {"a", "b"}),
    (lambda store, other=1: (other, store.a), {"a"}),
    (lambda store: (found := store.a, found.z, store.b), {"a", "b"}),
    (with_statement, {"a", "b", "c"}),
    (with_closure, {"a", "b"}),
    (with_keyword, {"a"}),
    (in_branches, {"a", "b", "c", "d", "e"}),
    (Helper().method, {"a"}),
    (many_names, {"last"}),
]


@pytest.mark.parametrize("number", range(len(GETTERS)))
def test_a_getter_uses_what_its_code_reads_from_the_store(number: int) -> None:
    getter, expected = GETTERS[number]

    assert names_used(getter) == expected


NOT_UNDERSTOOD: list[Any] = [
    rebound,
    rebound_in_a_loop,
    rebound_inside,
    len,
    lambda: None,
    lambda store: OUTSIDE,
    lambda store: [store.z for store in "abc"],
]


@pytest.mark.parametrize("number", range(len(NOT_UNDERSTOOD)))
def test_what_is_not_surely_read_from_the_store_is_taken_for_fine(number: int) -> None:
    assert names_used(NOT_UNDERSTOOD[number]) == set()


@pytest.mark.parametrize(
    ("name", "variables"),
    [
        ("LOAD_FAST", "store"),
        ("LOAD_FAST_CHECK", "store"),
        ("LOAD_DEREF", "store"),
        ("LOAD_FAST_LOAD_FAST", ("x", "store")),  # 3.13
        ("STORE_FAST_LOAD_FAST", ("x", "store")),
        ("LOAD_FAST_BORROW", "store"),  # 3.14
        ("LOAD_FAST_BORROW_LOAD_FAST_BORROW", ("x", "store")),
    ],
)
def test_the_instructions_of_each_python_are_read(
    name: str, variables: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those of versions that this machine does not have."""
    code = [
        SimpleNamespace(opname=name, argval=variables),
        SimpleNamespace(opname="EXTENDED_ARG", argval=1),
        SimpleNamespace(opname="LOAD_ATTR", argval="team"),
    ]
    monkeypatch.setattr(dis, "get_instructions", lambda _: iter(code))

    assert names_used(lambda store: None) == {"team"}
