"""What an expression of the rules costs, counted; emulator_tests/access measures the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onto_fn.generate.costs import Cost, Function, cost_of
from onto_fn.generate.expressions import Joined, every, grouped, literal, text_of


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("true", Cost(1, 1)),
        ("(((true)))", Cost(1, 4)),
        ("a && b", Cost(4, 2)),
        ("a || b && c", Cost(7, 3)),
        ("data.a is int", Cost(4, 2)),
        ("!('a' in data)", Cost(4, 4)),
        ("data['it\\'s'] == -1.5", Cost(6, 3)),
        ("data.keys().hasOnly(['a', 'b'])", Cost(6, 3)),
        ("f(g(1), [2])", Cost(5, 3)),
    ],
)
def test_each_part_of_an_expression_is_counted(expression: str, expected: Cost) -> None:
    assert cost_of(expression) == expected


def test_a_call_costs_all_that_its_function_evaluates() -> None:
    functions = {"one": Function("a", ("1 == 1",)), "two": Function("one() && one()")}

    assert cost_of("one()", functions) == Cost(6, 1, 1)
    assert cost_of("two()", functions) == Cost(1 + 6 + 6 + 2, 1, 2)


@pytest.mark.parametrize("text", ["", "a &&", "(a", "a b", "f(", "a @ b", "'open"])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|expression"):
        cost_of(text)


@settings(deadline=None)
@given(st.integers(1, 400))
def test_groups_change_neither_clauses_nor_cost_and_nest_less(number: int) -> None:
    clauses = [f"data.f{place} is int" for place in range(number)]
    plain, small = every(*clauses), grouped(every(*clauses))

    assert text_of(small).replace("(", "").replace(")", "").split() == text_of(plain).split()
    assert cost_of(text_of(small)).expressions == cost_of(text_of(plain)).expressions
    assert cost_of(text_of(small)).nesting < 70


def test_a_group_keeps_its_own_parentheses() -> None:
    inner = Joined("&&", ("a", "b"))

    assert " ".join(text_of(Joined("&&", (inner, "c"))).split()) == "(a && b) && c"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_literal_is_one_token_on_one_line(text: str) -> None:
    written = literal(text)

    assert written.isprintable()
    assert cost_of(written) == Cost(1, 1)
