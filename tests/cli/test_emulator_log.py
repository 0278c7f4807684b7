"""What `onto dev` finds in the emulators' log."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from onto_fn.cli import emulator_log as following
from onto_fn.observability import Change, Outcome, Result
from onto_fn.observability.cloud_logging import CloudFormatter
from onto_fn.observability.observer import OutcomeLog

FAILED = "⬢  functions: Failed to load function definition from source: FirebaseError: no"
LOADED = "✔  functions: Loaded functions definitions from source: on_a_written, on_b_written."


@pytest.fixture
def line(caplog: pytest.LogCaptureFixture) -> str:
    """What a function writes of an outcome, as the emulator shows it."""
    with caplog.at_level(logging.INFO, "onto_fn"):
        change = Change("towns/oslo", None, None, "event-1")
        outcome = Outcome("TownView", "towns/oslo", Result.COMMITTED)
        OutcomeLog().outcome(change, outcome, 0.0125)
    return f">  {CloudFormatter().format(caplog.records[-1])}"


def test_an_outcome_that_a_function_logs_is_found(line: str) -> None:
    (found,) = following.told(["i  functions: Beginning execution", line, ">  something else"])

    assert isinstance(found, following.Outcome)
    assert (found.document, found.view, found.root) == ("towns/oslo", "TownView", "towns/oslo")
    assert (found.outcome, found.latency_ms, found.severity) == ("committed", 12.5, "INFO")
    assert found.message.startswith("TownView of towns/oslo: committed after towns/oslo changed")


def test_a_query_that_was_refused_is_told_with_the_entry_to_add() -> None:
    line = 'strict indexes: a query of towns needs {"collectionGroup": "towns"}'

    assert list(following.told([line])) == [
        following.Unserved("towns", '{"collectionGroup": "towns"}')
    ]


def test_functions_that_cannot_be_loaded_are_told_with_pythons_own_error() -> None:
    lines = [
        ">  Traceback:",
        ">  \x1b[31mNameError: name 'x' is not defined\x1b[0m",
        FAILED,
        LOADED,
    ]

    assert list(following.told(lines)) == [
        following.Reload(error="NameError: name 'x' is not defined"),
        following.Reload(functions="on_a_written, on_b_written"),
    ]


def test_functions_that_cannot_be_loaded_name_the_line_of_the_apps_code() -> None:
    folder = Path("/home/me/app")
    lines = [
        '>    File "/home/me/app/functions/main.py", line 3, in <module>',
        ">      from views import Page",
        '>    File "/home/me/app/functions/views.py", line 7',
        ">      def title(self) -> str",
        ">  SyntaxError: expected ':'",
        '>    File "/home/me/app/functions/venv/lib/site-packages/flask/app.py", line 9, in run',
        '>    File "/usr/lib/python3.11/runpy.py", line 1, in run',
        FAILED,
    ]

    assert list(following.told(lines, folder)) == [
        following.Reload(error="SyntaxError: expected ':'", where="functions/views.py, line 7")
    ]
    assert following.last_error("\n".join(lines), folder) == (
        "functions/views.py, line 7: SyntaxError: expected ':'"
    )


def test_the_error_of_a_dead_letter_is_found(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "onto_fn"):
        change = Change("towns/oslo", None, None, "event-1")
        error = "TownView.title raised KeyError: 'x' (views.py:7)"
        outcome = Outcome("TownView", "towns/oslo", Result.DEAD_LETTER, error=error)
        OutcomeLog().outcome(change, outcome, 0.0125)

    (found,) = following.told([CloudFormatter().format(caplog.records[-1])])

    assert isinstance(found, following.Outcome)
    assert (found.severity, found.error) == ("ERROR", error)


def test_a_failure_without_an_error_of_python_is_that_of_the_tool() -> None:
    assert list(following.told([FAILED])) == [following.Reload(error="FirebaseError: no")]


@pytest.mark.parametrize("text", ['{"broken', "{}", json.dumps({following.LABELS: {}})])
def test_other_json_is_no_outcome(text: str) -> None:
    assert list(following.told([f">  {text}"])) == []


def test_lines_are_whole_although_they_are_written_in_parts(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("skipped\none\ntw")
    parts = iter(["o\n", "three\n"])

    def goes_on() -> bool:
        part = next(parts, None)
        if part is None:
            return False
        with log.open("a") as file:
            file.write(part)
        return True

    assert list(following.lines_of(log, goes_on, start=len("skipped\n"))) == ["one", "two", "three"]


def test_an_event_that_is_lost_is_found() -> None:
    lines = ["⬢  functions: Failed to handle request for function us-central1-on_towns_written"]

    assert list(following.told(lines)) == [following.Lost("us-central1-on_towns_written")]
