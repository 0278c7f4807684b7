"""The place in the application's code that the text of a dead letter ends with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from onto_fn import Refused
from onto_fn.engine.records.ledger import MAX_MESSAGE, message_of
from onto_fn.engine.records.place import place_of
from onto_fn.errors import BuildError, InvalidDocument

HERE = Path(__file__).name


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    """An error with the traceback that it has when this file raises it."""
    try:
        if cause is None:
            raise error
        try:
            raise cause
        except Exception as inner:
            raise error from inner
    except Exception as found:
        return found


def test_a_dead_letter_of_code_that_raised_names_file_and_line() -> None:
    try:
        try:
            json.loads("{")  # the innermost frame is the standard library's
        except ValueError as cause:
            line = cause.__traceback__.tb_lineno if cause.__traceback__ else 0
            raise BuildError("Page.title raised JSONDecodeError") from cause
    except BuildError as error:
        message = message_of(error)

    assert message.startswith("Page.title raised JSONDecodeError (")
    assert message.endswith(f"{HERE}:{line})")


def test_an_error_of_the_library_alone_has_no_place(tmp_path: Path) -> None:
    assert message_of(BuildError("never raised")) == "never raised"
    assert place_of(BuildError("never raised")) == ""


@pytest.mark.parametrize(
    "error", [Refused("the meeting is closed"), InvalidDocument("a/b", "A", ["c: wrong"])]
)
def test_what_a_client_may_read_has_no_place(error: Exception) -> None:
    assert message_of(raised(error, ValueError("inner"))) == str(error)


def test_the_text_with_its_place_is_bounded() -> None:
    message = message_of(raised(BuildError("x" * 10_000), ValueError("inner")))

    assert len(message) == MAX_MESSAGE
    assert f"{HERE}:" in message[-250:]
