"""The check of a request in a function and its security rules: each refuses what the other does."""

from __future__ import annotations

import types
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from emulator_tests.access.guards.door import Door
from emulator_tests.access.guards.values import KINDS, NUMBERS, SCALARS, VALUES, Leaf
from onto_fn import App, DomainModel, Form, FormMediator, Ref
from onto_fn.access import public
from onto_fn.errors import InvalidRequest
from onto_fn.generate.rules import rules_of
from onto_fn.testing import EmulatorSuite


def form(number: int, kind: Any) -> type[Form[Any]]:
    def submit(self: object, request: object) -> list[DomainModel]:
        return []

    def body(namespace: dict[str, Any]) -> None:
        namespace |= {"__module__": __name__, "submit": submit}
        namespace["__annotations__"] = {"value": kind, "other": int | None}
        namespace["other"] = None

    keywords = {"path": f"asked{number}/{{id}}", "create": public()}
    return types.new_class(f"Asked{number}", (Form,), keywords, body)


FORMS = [form(number, kind) for number, (kind, _) in enumerate(KINDS)]


@st.composite
def requests(draw: st.DrawFn) -> tuple[int, dict[str, Any]]:
    """The number of a form, and fields for it, of which most are nearly valid."""
    number = draw(st.integers(0, len(FORMS) - 1))
    fields: dict[str, Any] = {"value": draw(st.one_of(st.sampled_from(KINDS[number][1]), VALUES))}
    match draw(st.integers(0, 9)):
        case 0:
            fields["other"] = draw(st.one_of(st.none(), NUMBERS))
        case 1:
            fields["extra"] = draw(SCALARS)
        case 2:
            del fields["value"]
        case _:
            pass
    return number, fields


@pytest.fixture(scope="module")
def door(firestore_emulator: EmulatorSuite) -> Door:
    opened = Door(firestore_emulator)
    rules = rules_of(App([FormMediator(form) for form in FORMS]))
    assert rules.left == {}
    assert opened.under(rules.text) == ""
    return opened


def is_taken(model: type[Form[Any]], fields: dict[str, Any]) -> bool:
    try:
        model.parsed(fields)
    except InvalidRequest:
        return False
    return True


# The same examples each time: a difference shall be found by who changes the code, not by the next.
@settings(
    max_examples=1500, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(asked=requests())
def test_the_function_takes_what_the_rules_allow_and_nothing_else(
    door: Door, asked: tuple[int, dict[str, Any]]
) -> None:
    number, fields = asked
    # Whether a text is a path, and of which collection, the function alone asks.
    assume(not (KINDS[number][0] == Ref[Leaf] and isinstance(fields.get("value"), str)))
    denied = door.create(f"asked{number}", fields)

    assert is_taken(FORMS[number], fields) == (denied == ""), (KINDS[number][0], denied)


@pytest.mark.parametrize("number", range(len(KINDS)))
def test_both_take_what_is_valid(door: Door, number: int) -> None:
    for value in KINDS[number][1]:
        assert door.create(f"asked{number}", {"value": value}) == ""
        assert is_taken(FORMS[number], {"value": value})
