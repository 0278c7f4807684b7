"""Waiting for conditions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from onto_fn.testing.eventually import eventually


@dataclass
class Snapshot:
    """A document as a client of Firestore gives it: an object that is always true."""

    exists: bool


def after(*results: Any) -> Callable[[], Any]:
    """Returns one result after the other."""
    answers = iter(results)
    return lambda: next(answers)


def test_returns_what_the_check_returns_once_it_is_true() -> None:
    assert eventually(after(0, [], "done")) == "done"


def test_none_is_waited_for() -> None:
    assert eventually(after(None, None, {"name": "Ada"})) == {"name": "Ada"}


def test_none_of_a_function_that_returns_values_is_waited_for() -> None:
    documents = iter([None, {"name": "Ada"}])

    def found() -> dict[str, str] | None:
        document = next(documents)
        if document is None:
            return None
        return document

    assert eventually(found) == {"name": "Ada"}


def test_a_check_that_stays_none_fails_and_says_so() -> None:
    with pytest.raises(AssertionError, match="returned None"):
        eventually(lambda: None, deadline=0)


def test_a_document_that_does_not_exist_is_waited_for() -> None:
    snapshots = after(Snapshot(False), Snapshot(True))

    assert eventually(snapshots).exists
    with pytest.raises(AssertionError, match="does not exist"):
        eventually(lambda: Snapshot(False), deadline=0)


def test_function_of_assertions_holds_when_none_fails() -> None:
    attempts: list[int] = []

    def check() -> None:
        attempts.append(1)
        assert len(attempts) == 3

    eventually(check)

    assert len(attempts) == 3


def test_a_bound_or_partial_function_of_assertions_holds_when_none_fails() -> None:
    class Room:
        def is_open(self) -> None:
            assert self

    def has(number: int) -> None:
        if number > 1:
            return
        assert number == 1

    eventually(Room().is_open, deadline=0)
    eventually(partial(has, 1), deadline=0)
    eventually(partial(has, 2), deadline=0)


@pytest.mark.parametrize("error", [KeyError, IndexError, TypeError, AttributeError, AssertionError])
def test_what_is_not_there_yet_is_waited_for(error: type[Exception]) -> None:
    attempts: list[int] = []

    def check() -> str:
        attempts.append(1)
        if len(attempts) < 3:
            raise error("name")
        return "done"

    assert eventually(check) == "done"


def test_after_the_deadline_the_last_failure_is_raised_with_the_attempts() -> None:
    def check() -> None:
        raise AssertionError("the view is stale")

    with pytest.raises(AssertionError, match="the view is stale") as failure:
        eventually(check, deadline=0.05)

    assert "attempts" in failure.value.__notes__[0]


def test_after_the_deadline_the_last_error_is_shown() -> None:
    document: Any = None

    with pytest.raises(TypeError, match="not subscriptable") as failure:
        eventually(lambda: document["name"], deadline=0.05)

    assert "attempts" in failure.value.__notes__[0]


def test_check_that_stays_false_fails_with_its_value() -> None:
    with pytest.raises(AssertionError, match=r"returned \[\]"):
        eventually(list, deadline=0)


def test_any_other_error_is_passed_on_at_once() -> None:
    attempts: list[int] = []

    def check() -> None:
        attempts.append(1)
        raise ValueError("name")

    with pytest.raises(ValueError, match="name"):
        eventually(check)

    assert len(attempts) == 1


def test_a_coroutine_function_is_refused_as_it_would_never_run() -> None:
    async def check() -> bool:
        return False

    with pytest.raises(TypeError, match="coroutine function"):
        eventually(check)
