"""Each change of a view's document has its messages in its commit, and nothing else has any."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from emulator_tests.kit.calls import Outage
from emulator_tests.kit.definitions import during_build
from emulator_tests.kit.domain import BoardView, GroupView, Town, people
from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.sending import entries
from emulator_tests.kit.writing import Writer, in_threads
from onto_fn import RetryPolicy
from onto_fn.engine import Engine
from onto_fn.errors import RetriesExhausted
from onto_fn.events.message import DELETED, WRITTEN
from onto_fn.observability import Result
from onto_fn.views import Definition

Connect = Callable[..., Any]
GROUP, VIEW = "groups/g", "groupViews/g"


class Died(BaseException):
    """The process ends here."""


def die() -> None:
    raise Died


def sending(*sinks: str, view: Any = GroupView) -> Definition:
    return replace(view.definition(), sends=sinks or ("sink",))


def told(writer: Writer) -> list[tuple[str, str, Any]]:
    """What waits: type, document and the title in the content."""
    return [
        (entry.type, entry.document, (json.loads(entry.data) or {}).get("title"))
        for entry in entries(writer)
    ]


def test_each_change_of_a_document_is_told_once(writer: Writer) -> None:
    engine = Engine([sending()])

    for title in ("one", "two"):
        engine.handle(writer.database, writer.write(GROUP, {"title": title}))
    engine.handle(writer.database, writer.delete(GROUP))

    assert told(writer) == [(WRITTEN, VIEW, "one"), (WRITTEN, VIEW, "two"), (DELETED, VIEW, None)]


def test_each_sink_gets_its_own_message(writer: Writer) -> None:
    engine = Engine([sending("one", "two")])

    engine.handle(writer.database, writer.write(GROUP, {"title": "here"}))

    assert sorted(entry.sink for entry in entries(writer)) == ["one", "two"]
    assert len({entry.id for entry in entries(writer)}) == 2


def test_a_copy_that_is_no_longer_produced_is_told_as_deleted(writer: Writer) -> None:
    engine = Engine([sending(view=BoardView)])
    writer.write_all({"people/a": {"name": "Ann"}, "people/b": {"name": "Bob"}})
    engine.handle(writer.database, writer.write(GROUP, {"members": people("a", "b")}))

    engine.handle(writer.database, writer.write(GROUP, {"members": people("b")}))

    assert told(writer)[2:] == [(DELETED, "people/a/boards/g", None)]


def test_duplicates_and_stale_events_tell_nothing(writer: Writer) -> None:
    engine = Engine([sending()])
    first = writer.write(GROUP, {"title": "one"})
    second = writer.write(GROUP, {"title": "two"})

    results = [
        engine.handle(writer.database, change)[0].result
        for change in (second, first, second, first)
    ]

    assert results == [Result.COMMITTED, *[Result.COVERED] * 3]
    assert told(writer) == [(WRITTEN, VIEW, "two")]


def test_a_source_that_changes_nothing_in_the_view_tells_nothing(writer: Writer) -> None:
    engine = Engine([sending()])
    writer.write("people/a", {"name": "Ann"})
    engine.handle(writer.database, writer.write(GROUP, {"members": people("a")}))

    [outcome] = engine.handle(
        writer.database, writer.write("people/a", {"name": "Ann", "home": Town.ref("nowhere")})
    )

    assert outcome.result is Result.COMMITTED
    assert outcome.written == ()
    assert len(entries(writer)) == 1


def test_a_failed_build_tells_nothing(writer: Writer) -> None:
    engine = Engine([sending()])
    engine.handle(writer.database, writer.write(GROUP, {"title": "here"}))

    [outcome] = engine.handle(writer.database, writer.write(GROUP, {"title": ["no title"]}))

    assert outcome.result is Result.DEAD_LETTER
    assert len(entries(writer)) == 1


def test_16_concurrent_deliveries_of_one_event_tell_it_once(writer: Writer) -> None:
    engine = Engine([sending()])
    change = writer.write(GROUP, {"title": "here"})

    in_threads(16, lambda _: engine.handle(writer.database, change), range(16))

    assert told(writer) == [(WRITTEN, VIEW, "here")]


def test_message_and_view_are_in_one_commit(interleaved: Interleaved, writer: Writer) -> None:
    engine = Engine([sending()])

    engine.handle(interleaved, writer.write(GROUP, {"title": "here"}))

    [commit] = interleaved.commits
    assert {path.partition("/")[0] for path in commit.contents} == {
        "groupViews",
        "onto_ledger",
        "onto_outbox",
    }


@pytest.mark.parametrize("point", [Point.COMMITTING, Point.COMMITTED])
def test_a_crash_at_the_commit_loses_and_repeats_nothing(
    point: Point, interleaved: Interleaved, writer: Writer
) -> None:
    engine = Engine([sending()])
    change = writer.write(GROUP, {"title": "here"})
    interleaved.once(point, die)

    with pytest.raises(Died):
        engine.handle(interleaved, change)
    there = (writer.content(VIEW) is not None, len(entries(writer)))

    assert there == ((True, 1) if point is Point.COMMITTED else (False, 0))
    engine.handle(interleaved, change)
    assert told(writer) == [(WRITTEN, VIEW, "here")]


def test_a_commit_that_fails_tells_nothing(
    connect: Connect, writer: Writer, quick: RetryPolicy
) -> None:
    engine = Engine([sending()], retry=quick)
    change = writer.write(GROUP, {"title": "here"})

    with pytest.raises(RetriesExhausted):
        engine.handle(connect(Outage("Commit", 99)), change)

    assert entries(writer) == []


def test_a_commit_that_is_not_answered_tells_it_once(
    connect: Connect, writer: Writer, quick: RetryPolicy
) -> None:
    engine = Engine([sending()], retry=quick)
    change = writer.write(GROUP, {"title": "here"})

    engine.handle(connect(Outage("Commit", 1, applied=True)), change)

    assert told(writer) == [(WRITTEN, VIEW, "here")]


def test_the_loser_of_a_race_tells_nothing_of_what_it_built(writer: Writer) -> None:
    first = writer.write(GROUP, {"title": "one"})
    plain = Engine([sending()])

    def overtake() -> None:
        plain.handle(writer.database, writer.write(GROUP, {"title": "two"}))

    Engine([during_build(sending(), overtake)]).handle(writer.database, first)

    assert told(writer) == [(WRITTEN, VIEW, "two")]


@pytest.mark.parametrize("isolation", ["snapshot", "serializable"])
def test_versions_grow_from_commit_to_commit(isolation: Any, writer: Writer) -> None:
    """Also over a deletion, which deletes the ledger record."""
    engine = Engine([replace(sending(), isolation=isolation)])
    titles = ["one", "two", None, "three", "four"]

    for title in titles:
        change = writer.write(GROUP, None if title is None else {"title": title})
        engine.handle(writer.database, change)

    assert [title for _, _, title in told(writer)] == titles
    versions = [entry.version for entry in entries(writer)]
    assert len(set(versions)) == len(titles)


def test_a_document_that_is_too_large_to_be_told_is_a_dead_letter(writer: Writer) -> None:
    """The view stays as it was last told: its receivers never miss a change silently."""
    engine = Engine([sending()])
    engine.handle(writer.database, writer.write(GROUP, {"title": "here"}))

    change = writer.write(GROUP, {"title": "x" * (1024 * 1024 - 150)})
    [outcome] = engine.handle(writer.database, change)

    assert outcome.result is Result.DEAD_LETTER
    assert "groupViews/g has" in outcome.error
    assert writer.content(VIEW) == {"title": "here", "names": [], "towns": []}
    assert told(writer) == [(WRITTEN, VIEW, "here")]
