"""Waiting for conditions."""

from __future__ import annotations

import pytest

from onto_fn.testing.eventually import eventually


def test_returns_what_the_check_returns_once_it_is_true() -> None:
    answers = iter([0, [], "done"])

    assert eventually(lambda: next(answers)) == "done"


def test_function_of_assertions_holds_when_none_fails() -> None:
    attempts: list[int] = []

    def check() -> None:
        attempts.append(1)
        assert len(attempts) == 3

    eventually(check)

    assert len(attempts) == 3


def test_after_the_deadline_the_last_failure_is_raised_with_the_attempts() -> None:
    def check() -> None:
        raise AssertionError("the view is stale")

    with pytest.raises(AssertionError, match="the view is stale") as failure:
        eventually(check, deadline=0.05)

    assert "attempts" in failure.value.__notes__[0]


def test_check_that_stays_false_fails_with_its_value() -> None:
    with pytest.raises(AssertionError, match=r"returned \[\]"):
        eventually(list, deadline=0)


def test_error_other_than_a_failed_assertion_is_passed_on_at_once() -> None:
    attempts: list[int] = []

    def check() -> None:
        attempts.append(1)
        raise KeyError("name")

    with pytest.raises(KeyError):
        eventually(check)

    assert len(attempts) == 1
