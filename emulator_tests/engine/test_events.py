"""What an event says, and what the engine makes of it: nothing, or the newest state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator_tests.kit.calls import Calls
from emulator_tests.kit.definitions import counted
from emulator_tests.kit.domain import GroupView, TeamView, group_view, people
from emulator_tests.kit.interleaving import Interleaved
from emulator_tests.kit.writing import Writer
from onto_fn import DomainModel, Store, ViewModel, query, root
from onto_fn.engine import Engine
from onto_fn.observability import Change, Result

Connect = Callable[..., Any]


class Note(DomainModel, collection="notes"):
    text: str = ""
    tags: list[str]


class Tag(DomainModel, collection="tags"):
    pass


class TagStore(Store):
    tag = root(Tag)
    notes = query(Note).where("tags", "array_contains", lambda store: store.tag.doc_id)


class TagView(ViewModel[TagStore], path="tagViews/{tag_id}"):
    @property
    def texts(self) -> list[str]:
        return [note.text for note in self.store.notes]


@pytest.fixture
def engine() -> Engine:
    return Engine([GroupView.definition(), TeamView.definition()])


def test_no_op_event_makes_no_call(engine: Engine, connect: Connect, writer: Writer) -> None:
    writer.write("groups/g", {"title": "here"})
    no_op = writer.write("groups/g", {"title": "here"})
    calls = Calls()

    outcomes = engine.handle(connect(calls), no_op)

    assert no_op.is_no_op
    assert outcomes == []
    assert calls.counts == {}


def test_stale_event_delivered_last_leaves_the_newest_state(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    first = writer.write("groups/g", {"title": "first"})
    second = writer.write("groups/g", {"title": "second"})
    engine.handle(interleaved, second)
    interleaved.commits.clear()

    [outcome] = engine.handle(interleaved, first)

    assert outcome.result is Result.COVERED
    assert interleaved.commits == []
    assert writer.content("groupViews/g") == group_view(title="second")


def test_stale_event_delivered_first_makes_the_newest_state(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    stale = writer.write("groups/g", {"title": "first"})
    writer.write("groups/g", {"title": "second"})

    engine.handle(interleaved, stale)

    assert interleaved.history("groupViews/g") == [group_view(title="second")]


def test_document_that_moves_updates_the_view_it_leaves_and_the_view_it_joins(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    for team in ("t", "u"):
        engine.handle(interleaved, writer.write(f"teams/{team}", {}))
    engine.handle(interleaved, writer.write("people/a", {"name": "Ann", "team": "t"}))

    engine.handle(interleaved, writer.write("people/a", {"name": "Ann", "team": "u"}))

    assert writer.content("teamViews/t") == {"names": []}
    assert writer.content("teamViews/u") == {"names": ["Ann"]}


def test_stale_move_delivered_last_is_right_in_all_three_views(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    for team in ("t", "u", "v"):
        engine.handle(interleaved, writer.write(f"teams/{team}", {}))
    engine.handle(interleaved, writer.write("people/a", {"name": "Ann", "team": "t"}))
    moves = [writer.write("people/a", {"name": "Ann", "team": team}) for team in ("u", "v")]

    for change in reversed(moves):
        engine.handle(interleaved, change)

    names = {team: writer.content(f"teamViews/{team}") for team in ("t", "u", "v")}
    assert names == {"t": {"names": []}, "u": {"names": []}, "v": {"names": ["Ann"]}}


def test_document_that_matches_more_queries_than_one_look_up_can_ask_for_updates_them_all(
    writer: Writer,
) -> None:
    """Firestore's array-contains-any takes 30 values; here are 40 tags, 20 before, 20 after."""
    engine = Engine([TagView.definition()])
    tags = [f"tag{number}" for number in range(40)]
    for change in writer.write_all({f"tags/{tag}": {} for tag in tags}):
        engine.handle(writer.database, change)
    engine.handle(writer.database, writer.write("notes/n", {"text": "old", "tags": tags[:20]}))
    change = writer.write("notes/n", {"text": "new", "tags": tags[20:]})

    outcomes = engine.handle(writer.database, change)

    assert len(outcomes) == 40
    views = writer.collection("tagViews")
    assert [views[f"tagViews/{tag}"] for tag in tags[:20]] == [{"texts": []}] * 20
    assert [views[f"tagViews/{tag}"] for tag in tags[20:]] == [{"texts": ["new"]}] * 20


def test_event_of_a_document_that_nobody_reads_builds_nothing(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write("groups/g", {"title": "here"}))

    assert engine.handle(interleaved, writer.write("people/z", {"name": "Zoe"})) == []


def test_dropped_payload_rebuilds_what_is_rooted_at_the_document(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write("groups/g", {"title": "old"}))
    writer.write("groups/g", {"title": "new"})

    engine.handle(interleaved, Change("groups/g", None, None))

    assert writer.content("groupViews/g") == group_view(title="new")


def test_dropped_payload_rebuilds_what_refers_to_the_document(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write("groups/g", {"members": people("a")}))
    writer.write("people/a", {"name": "Ann"})

    engine.handle(interleaved, Change("people/a", None, None))

    assert writer.content("groupViews/g") == group_view("Ann")


def test_dropped_payload_rebuilds_the_query_that_the_document_has_come_to_match(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write("teams/t", {}))
    writer.write("people/a", {"name": "Ann", "team": "t"})

    engine.handle(interleaved, Change("people/a", None, None))

    assert writer.content("teamViews/t") == {"names": ["Ann"]}


@pytest.mark.parametrize("becomes", [None, {"name": "Ann", "team": "u"}], ids=["gone", "moved"])
def test_dropped_payload_rebuilds_the_query_that_the_document_has_left(
    becomes: Any, engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write("teams/t", {}))
    engine.handle(interleaved, writer.write("people/a", {"name": "Ann", "team": "t"}))
    writer.write("people/a", becomes)

    engine.handle(interleaved, Change("people/a", None, None))

    assert writer.content("teamViews/t") == {"names": []}


def test_dropped_payload_delivered_again_commits_nothing(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    change = Change(writer.write("groups/g", {"title": "here"}).path, None, None)
    engine.handle(interleaved, change)
    interleaved.commits.clear()

    [outcome] = engine.handle(interleaved, change)

    assert outcome.result is Result.UNCHANGED
    assert interleaved.commits == []


@pytest.mark.parametrize("half", ["before", "after"])
def test_event_without_half_of_its_payload_is_still_right(
    half: str, engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    for team in ("t", "u"):
        engine.handle(interleaved, writer.write(f"teams/{team}", {}))
    engine.handle(interleaved, writer.write("people/a", {"name": "Ann", "team": "t"}))
    whole = writer.write("people/a", {"name": "Ann", "team": "u"})
    lost = {"before": whole.before, "after": whole.after, half: None}

    engine.handle(interleaved, Change("people/a", **lost))

    assert writer.content("teamViews/t") == {"names": []}
    assert writer.content("teamViews/u") == {"names": ["Ann"]}


def test_two_views_of_one_event_are_both_materialised(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write("groups/g", {"members": people("a")}))
    engine.handle(interleaved, writer.write("teams/t", {}))

    outcomes = engine.handle(interleaved, writer.write("people/a", {"name": "Ann", "team": "t"}))

    assert {outcome.definition for outcome in outcomes} == {"GroupView", "TeamView"}
    assert {outcome.result for outcome in outcomes} == {Result.COMMITTED}
    assert writer.content("groupViews/g") == group_view("Ann")
    assert writer.content("teamViews/t") == {"names": ["Ann"]}


def test_two_engines_handle_the_same_event_id_each_for_itself(
    interleaved: Interleaved, writer: Writer
) -> None:
    """Two functions are triggered by one write, and their events have the same id."""
    groups, group_builds = counted(GroupView.definition())
    teams, team_builds = counted(TeamView.definition())
    engines = [Engine([groups]), Engine([teams])]
    for change in (
        writer.write("groups/g", {"members": people("a")}),
        writer.write("teams/t", {}),
    ):
        for engine in engines:
            engine.handle(interleaved, change)
    joined = writer.write("people/a", {"name": "Ann", "team": "t"})

    results = [[o.result for o in engine.handle(interleaved, joined)] for engine in engines]

    assert results == [[Result.COMMITTED], [Result.COMMITTED]]
    assert writer.content("groupViews/g") == group_view("Ann")
    assert writer.content("teamViews/t") == {"names": ["Ann"]}
    assert (len(group_builds), len(team_builds)) == (2, 2)
