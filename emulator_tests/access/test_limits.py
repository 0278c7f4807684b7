"""Firestore's limits on rules: what an expression costs, measured, and forms that just fit."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from pydantic import Field, create_model

from emulator_tests.access.guards.door import Door
from onto_fn import App, DomainModel, EmbeddedModel, Form, FormMediator
from onto_fn.access import public
from onto_fn.firestore import Reference
from onto_fn.generate.costs import MAX_EXPRESSIONS, MAX_NESTING, Function, cost_of
from onto_fn.generate.rules import Rules, rules_of
from onto_fn.testing import EmulatorSuite

DATA = "request.resource.data"
FIELDS: dict[str, Any] = {
    "a": 1,
    "s": "xyz",
    "l": [1, 2, 3],
    "m": {"x": 1},
    "b": True,
    "e": "😀😀",
    "f": 1.5,
}
FUNCTIONS = {
    "yes": Function("true"),
    "both": Function("true && true"),
    "one": Function("a", ("1 == 1",)),
    "two": Function("a && b", ("1 == 1", "2 == 2")),
    "same": Function("first == second"),
    "deep": Function("both() && same(1, 1)"),
}
TEXT = """
function yes(x) { return true; }
function both() { return true && true; }
function one() { let a = 1 == 1; return a; }
function two() { let a = 1 == 1; let b = 2 == 2; return a && b; }
function same(first, second) { return first == second; }
function deep() { return both() && same(1, 1); }
"""


@pytest.fixture(scope="module")
def door(firestore_emulator: EmulatorSuite) -> Door:
    return Door(firestore_emulator)


@pytest.mark.parametrize(
    "expression",
    [
        "true",
        "(true)",
        "1 == 1",
        "-1 < 1 + 2 * 3",
        "!false",
        "true && true",
        "false || true",
        "(false || false) || (true && true)",
        "'a' in ['a', 'b', 'c']",
        f"!('nope' in {DATA})",
        f"{DATA}.a is int",
        f"{DATA}.m.x == 1",
        f"{DATA}['a'] == 1",
        f"{DATA}.l[0] == 1",
        f"{DATA}.l.size() <= 3",
        f"{DATA}.s.matches('(?s).{{0,1000}}')",
        f"{DATA}.e.replace('[^\\\\x{{0}}-\\\\x{{FFFF}}]', '.').size() == 2",
        f"{DATA}.get('nope', null) == null",
        f"{DATA}.keys().hasOnly(['a', 's', 'l', 'm', 'b', 'e', 'f'])",
        f"{DATA}.l.hasOnly([1, 2, 3])",
        f"yes({DATA})",
        "both()",
        "one()",
        "two()",
        "same(1, 1)",
        "deep()",
        f"yes(yes({DATA}.a)) && (false || both())",
    ],
)
def test_an_expression_costs_what_the_model_says(door: Door, expression: str) -> None:
    cost = cost_of(expression, FUNCTIONS).expressions

    def padded(total: int) -> str:
        rest = total - cost - 2 - 3  # of `&&`, and of `1 in […]`
        return f"({expression}) && 1 in [{', '.join('1' * rest)}]"

    assert cost_of(padded(MAX_EXPRESSIONS), FUNCTIONS).expressions == MAX_EXPRESSIONS
    assert door.asks(padded(MAX_EXPRESSIONS), TEXT) == ""
    assert door.create("c", FIELDS) == ""
    assert door.asks(padded(MAX_EXPRESSIONS + 1), TEXT) == ""
    assert "maximum of 1000 expressions" in door.create("c", FIELDS)


@pytest.mark.parametrize(
    "leaf",
    [
        "true",
        "1 == 1",
        f"!('a' in {DATA})",
        f"{DATA}.keys().size() <= 3",
        f"{DATA}.keys().hasOnly(['a'])",
        f"{DATA}.s.matches('x')",
        f"yes({DATA}.a)",
        f"(!('a' in {DATA}) || {DATA}.a is string && {DATA}.s.size() <= 3)",
    ],
)
def test_an_expression_nests_as_deep_as_the_model_says(door: Door, leaf: str) -> None:
    number = 1 + MAX_NESTING - cost_of(leaf).nesting
    chain = " && ".join([leaf] * number)

    assert cost_of(chain).nesting == MAX_NESTING
    assert door.asks(chain, TEXT) == ""
    assert "too complex" in door.asks(f"{chain} && {leaf}", TEXT)


def test_the_limit_is_on_one_document_and_on_all_blocks_before_the_one_that_allows(
    door: Door,
) -> None:
    half = f"1 in [{', '.join('1' * 600)}]"
    blocks = "\n".join(
        f"match /{pattern} {{ allow create: if {half} && {end}; }}"
        for pattern, end in (("c/{x}", "false"), ("{all=**}", "true"))
    )
    rules = (
        "rules_version = '2';\nservice cloud.firestore {\n"
        f"match /databases/{{d}}/documents {{\n{blocks}\n}} }}"
    )

    assert door.under(rules) == ""
    assert door.create("other", {}) == ""
    assert "maximum of 1000 expressions" in door.create("c", {})


# Forms


class Line(EmbeddedModel):
    sku: Annotated[str, Field(min_length=1, max_length=20)]
    name: Annotated[str, Field(max_length=60)]
    note: Annotated[str, Field(max_length=20)] | None = None
    colour: Literal["red", "blue"]
    number: Annotated[int, Field(ge=1, le=99)]
    price: Annotated[int, Field(ge=0)]


LINE: dict[str, Any] = {
    "sku": "😀" * 20,
    "name": "x" * 60,
    "note": "y",
    "colour": "blue",
    "number": 99,
    "price": 2**53,
}


class CartForm(Form, path="carts/{id}", create=public()):
    lines: Annotated[list[Line], Field(max_length=10)]

    def submit(self, request: object) -> list[DomainModel]:
        return []


def form_of(**fields: Any) -> Rules:
    """The rules of a form with these fields, at `asked`."""
    asked = create_model("AskedForm", __base__=CartForm, **fields)
    made = type("Asked", (asked,), {"__module__": __name__}, path="asked/{id}", create=public())
    return rules_of(App([FormMediator(made)]))


def test_ten_lines_of_six_fields_pass_and_each_wrong_one_is_denied(door: Door) -> None:
    rules = rules_of(App([FormMediator(CartForm)]))

    assert (door.under(rules.text), rules.left) == ("", {})
    for count in range(11):
        assert door.create("carts", {"lines": [LINE] * count}) == ""
    assert door.create("carts", {"lines": [LINE] * 11}) != ""
    wrong: list[dict[str, Any]] = [
        {"sku": ""},
        {"name": "x" * 61},
        {"note": 1},
        {"colour": "green"},
        {"number": 100},
        {"price": 1.5},
        {"more": 1},
    ]
    for place in range(10):
        for change in wrong:
            lines = [LINE] * 10
            lines[place] = LINE | change
            assert door.create("carts", {"lines": lines}) != "", (place, change)


@pytest.mark.parametrize("number", [45, 48, 120, 300])
@pytest.mark.parametrize("kind", [str, str | None])
def test_however_many_text_fields_what_is_valid_passes(door: Door, number: int, kind: Any) -> None:
    names = [f"field{place}" for place in range(number)]
    rules = form_of(lines=(Any, None), **dict.fromkeys(names, (kind, ...)))

    assert door.under(rules.text) == ""
    full = dict.fromkeys(names, "é" * 1_000)
    assert door.create("asked", full) == ""
    assert door.create("asked", full | {"other": "x"}) != ""
    assert door.create("asked", {k: v for k, v in full.items() if k != "field7"}) != ""
    asked = full | {"field0": 1}
    assert bool(door.create("asked", asked)) == ("field0," not in str(rules.left))


def test_what_does_not_fit_is_left_out_by_name_and_what_is_valid_passes(door: Door) -> None:
    lists = {f"list{n}": (Annotated[list[Line], Field(max_length=10)], ...) for n in range(5)}
    rules = form_of(lines=(Any, None), **lists)

    assert door.under(rules.text) == ""
    (left,) = rules.left["Asked"]
    assert left.startswith("each item of list")
    assert f"// Left to the function, which checks all again: {left[:20]}" in rules.text
    assert door.create("asked", {name: [LINE] * 10 for name in lists}) == ""
    assert door.create("asked", {name: [LINE] * 11 for name in lists}) != ""


STORED: dict[str, tuple[Any, Any, Any]] = {
    "day": (date, "2026-01-02", "2026-1-2"),
    "hour": (time, "03:04:05", "3 o'clock"),
    "at": (datetime, datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z"),
    "lasts": (timedelta, 90, "90"),
    "price": (Decimal, "12.50", 12.5),
    "key": (UUID, "12345678-1234-5678-1234-567812345678", "12345678"),
    "where": (GeoPoint, GeoPoint(48.25, 16.5), {"latitude": 48.25, "longitude": 16.5}),
    "meaning": (Vector, Vector([1.0, 2.5]), [1.0, 2.5]),
    "small": (Annotated[float, Field(ge=0.00001)], 0.00001, 0.000009),
    "large": (Annotated[float, Field(le=1e30)], 1e30, 2e30),
    "longest": (Annotated[int, Field(le=2**63 - 2)], 2**63 - 2, 2**63 - 1),
    "odd": (Literal["a\r\n\t\0'\"\\é\u2028😀"], "a\r\n\t\0'\"\\é\u2028😀", "a"),
    "photo": (Annotated[bytes, Field(max_length=2)], b"\0\xff", b"\0\xff\0"),
    "price_tag": (Annotated[str, Field(pattern=r"^\d+ (€|\$)$")], "٣ €", "x €"),
    "any_path": (Any, Reference("a/b"), None),
}


@pytest.mark.parametrize("name", STORED)
def test_each_type_of_the_table_passes_as_it_is_stored(door: Door, name: str) -> None:
    kind, valid, invalid = STORED[name]
    rules = form_of(lines=(Any, None), value=(kind, ...))

    assert door.under(rules.text) == ""
    assert door.create("asked", {"value": valid}) == ""
    if invalid is not None:
        assert door.create("asked", {"value": invalid}) != ""
