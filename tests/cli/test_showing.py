"""What `onto dev` prints: one line an event, with repetitions counted."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest

from onto_fn.cli.emulator_log import Outcome, Reload, Unserved
from onto_fn.cli.output import Output
from onto_fn.cli.showing import LONGEST_SECONDS, QUIET_SECONDS, Shown

EVENT = Outcome(
    "2026-01-01T12:00:00.123456+00:00",
    "INFO",
    "restaurants/pasta",
    "OrderPage",
    "orders/o1",
    "committed",
    40.0,
    "the whole line",
)
FAILED = replace(
    EVENT,
    severity="ERROR",
    outcome="dead letter",
    error="OrderPage.title raised KeyError: 'x' (views.py:12)",
)


@dataclass
class Clock:
    """Seconds as a test has them."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shown(clock: Clock) -> Shown:
    return Shown(Output(as_json=False), "/tmp/log", clock)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_an_event_is_a_line_with_document_view_root_and_outcome(
    shown: Shown, capsys: pytest.CaptureFixture[str]
) -> None:
    shown.show(EVENT)

    assert lines(capsys) == [
        "12:00:00.123  restaurants/pasta -> OrderPage of orders/o1  committed  40 ms"
    ]


def test_a_request_that_is_refused_says_why(
    shown: Shown, capsys: pytest.CaptureFixture[str]
) -> None:
    shown.show(replace(EVENT, outcome="refused", error="pesto is sold out"))

    assert lines(capsys)[1:] == ["    pesto is sold out"]


def test_events_that_differ_by_root_and_time_alone_are_counted(
    shown: Shown, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(906):
        shown.show(replace(EVENT, root=f"orders/o{number}", latency_ms=float(number)))
        shown.show(replace(EVENT, view="StaffOrder", root=f"orders/o{number}"))
    shown.idle()
    assert len(lines(capsys)) == 2  # more may come

    clock.now += QUIET_SECONDS
    shown.idle()

    assert [line.strip() for line in lines(capsys)] == [
        "and 905 more restaurants/pasta -> OrderPage  committed  up to 905 ms",
        "and 905 more restaurants/pasta -> StaffOrder  committed  up to 40 ms",
    ]


def test_a_stream_without_a_pause_is_counted_in_parts(
    shown: Shown, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    while clock.now <= LONGEST_SECONDS + QUIET_SECONDS:
        shown.show(EVENT)
        clock.now += QUIET_SECONDS / 2

    assert any("more" in line for line in lines(capsys))


def test_errors_of_another_text_are_not_counted_with_it(
    shown: Shown, capsys: pytest.CaptureFixture[str]
) -> None:
    shown.show(FAILED)
    shown.show(replace(FAILED, root="orders/o2"))
    shown.show(replace(FAILED, root="orders/o3", error="another"))
    shown.flush()

    told = lines(capsys)
    assert told[1] == "    OrderPage.title raised KeyError: 'x' (views.py:12)"
    assert told[3] == "    another"
    assert told[4].strip() == "and 1 more restaurants/pasta -> OrderPage  dead letter  up to 40 ms"


def test_a_program_gets_every_event(capsys: pytest.CaptureFixture[str], clock: Clock) -> None:
    shown = Shown(Output(as_json=True), "/tmp/log", clock)
    for _ in range(3):
        shown.show(EVENT)
    shown.flush()

    assert [json.loads(line)["event"]["root"] for line in lines(capsys)] == ["orders/o1"] * 3


def test_functions_that_cannot_be_loaded_name_file_line_and_log(
    shown: Shown, capsys: pytest.CaptureFixture[str]
) -> None:
    shown.show(Reload(error="SyntaxError: expected ':'", where="functions/views.py, line 7"))

    assert lines(capsys) == [
        "the functions cannot be loaded: functions/views.py, line 7: SyntaxError: expected ':'",
        "    see /tmp/log",
    ]


def test_an_error_is_red_on_a_terminal_alone(
    shown: Shown, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    styled: list[str] = []
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("typer.style", lambda text, fg: styled.append(fg) or text)

    shown.show(FAILED)
    assert styled == []
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    shown.show(replace(FAILED, view="Other"))
    shown.show(EVENT)
    assert styled == ["red"]
    monkeypatch.setenv("NO_COLOR", "1")
    shown.show(replace(FAILED, view="Another"))
    assert styled == ["red"]


def test_the_same_problem_after_each_edit_is_told_once(
    shown: Shown, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        shown.refreshed({"problem": "rules and indexes are not written: by hand"})
    shown.refreshed({"file": "firestore.rules", "remarks": ["a remark"]})
    shown.refreshed(
        {"rebuilt": "Page", "committed": 3, "failed": 1, "seconds": 0.5, "errors": ["a/b: no"]}
    )

    assert lines(capsys) == [
        "rules and indexes are not written: by hand",
        "firestore.rules: written",
        "    a remark",
        "Page: rebuilt for 3 roots in 0.5 s, 1 has a dead letter:",
        "    a/b: no",
    ]


@pytest.mark.parametrize(
    ("committed", "failed", "says"),
    [
        (1, 0, "Page: rebuilt for 1 root in 0.5 s"),
        (2, 0, "Page: rebuilt for 2 roots in 0.5 s"),
        (0, 1, "Page: not rebuilt, 1 has a dead letter:"),
        (0, 2, "Page: not rebuilt, 2 have a dead letter:"),
    ],
)
def test_what_was_rebuilt_is_counted_as_people_count(
    shown: Shown, capsys: pytest.CaptureFixture[str], committed: int, failed: int, says: str
) -> None:
    shown.refreshed({"rebuilt": "Page", "committed": committed, "failed": failed, "seconds": 0.5})

    assert lines(capsys) == [says]


def test_what_was_missed_is_one_line(shown: Shown, capsys: pytest.CaptureFixture[str]) -> None:
    shown.refreshed({"made_good": {"Page": 1, "Menu": 3}})
    shown.refreshed({"made_good": {}})

    assert lines(capsys) == [
        "changes missed while the functions could not be loaded are rebuilt: "
        "Page for 1 root, Menu for 3 roots",
    ]


URL = "http://127.0.0.1:5001/demo-towns/us-central1/onto_api"
STREAM = "http://127.0.0.1:5001/demo-towns/us-central1/onto_stream"


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (
            {"api": "/", "streams": False, "docs": True},
            f"API at {URL}, documented at {URL}/docs",
        ),
        (
            {"api": "/v1", "streams": True, "docs": True},
            f"API at {URL}/v1, streams at {STREAM}/v1, documented at {URL}/v1/docs",
        ),
        ({"api": "/", "streams": True, "docs": False}, f"API at {URL}, streams at {STREAM}"),
        ({"api": "/", "streams": False, "docs": False}, f"API at {URL}"),
    ],
)
def test_the_address_of_the_api_is_told_until_it_changes(
    shown: Shown, capsys: pytest.CaptureFixture[str], record: dict[str, object], says: str
) -> None:
    urls = {"onto_api": URL, "onto_stream": STREAM}
    for _ in range(3):
        shown.refreshed(record, urls)
    shown.refreshed({"api": "/v2", "streams": False, "docs": False}, urls)
    shown.refreshed(record, None)  # the emulator of functions does not run

    assert lines(capsys) == [says, f"API at {URL}/v2"]


def test_a_refused_query_is_shown_once_with_the_entry_to_add(
    shown: Shown, capsys: pytest.CaptureFixture[str]
) -> None:
    for collection in ("towns", "towns", "streets"):
        shown.show(Unserved(collection, "{…}"))

    assert lines(capsys) == [
        "refused: a query of towns that no index serves; it needs",
        "    {…}",
        "refused: a query of streets that no index serves; it needs",
        "    {…}",
    ]


def test_json_has_each_refused_query(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Shown(Output(as_json=True), "/tmp/log")
    shown.show(Unserved("towns", "{}"))
    shown.show(Unserved("towns", "{}"))

    refused = {"refused": {"collection": "towns", "entry": "{}"}}
    assert [json.loads(line) for line in lines(capsys)] == [refused, refused]
