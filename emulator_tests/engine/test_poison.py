"""What cannot be materialised gets one dead letter; everything else goes on (G7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import field_validator

from emulator_tests.kit.calls import Calls
from emulator_tests.kit.domain import (
    AddressView,
    Group,
    GroupStore,
    GroupView,
    Person,
    TeamView,
    Town,
    group_view,
    people,
)
from emulator_tests.kit.fixtures import Connect
from emulator_tests.kit.interleaving import Interleaved
from emulator_tests.kit.writing import Writer
from onto_fn import DomainModel, RetryPolicy, Store, ViewModel, many, root
from onto_fn.engine import Engine
from onto_fn.observability import Change, Result

GROUP = "groups/g"


class BombView(ViewModel[GroupStore], path="bombs/{group_id}"):
    """Its code fails as the group's title says."""

    @property
    def text(self) -> str:
        title = self.store.group.title
        if title.startswith("raise"):
            raise ZeroDivisionError(f"cannot show {title!r}")
        return "x" * 2**20 if title == "too large" else title

    @property
    def until(self) -> datetime | None:
        if self.store.group.title != "the end of time":
            return None
        return datetime.max.replace(tzinfo=timezone(timedelta(hours=-5)))

    def targets(self) -> Iterable[Mapping[str, str]]:
        title = self.store.group.title
        if title == "no unicode":
            raise ZeroDivisionError("\ud800")
        if title == "targets raise":
            raise ZeroDivisionError("no targets")
        return [{"group_id": "a/b" if title == "forbidden" else self.store.group.doc_id}]


REFUSED = {
    "model refuses": ({"title": ["no text"]}, "InvalidDocument"),
    "model refuses at length": ({"title": "x", "members": ["x"] * 15_000}, "InvalidDocument"),
    "message is no unicode": ({"title": "no unicode"}, "BuildError"),
    "getter raises": ({"title": "raise"}, "BuildError"),
    "targets raise": ({"title": "targets raise"}, "BuildError"),
    "too large": ({"title": "too large"}, "DocumentTooLarge"),
    "time that UTC has not": ({"title": "the end of time"}, "InvalidValue"),
    "forbidden path": ({"title": "forbidden"}, "InvalidPath"),
    "reference into another collection": ({"members": [Town.ref("x")]}, "InvalidDocument"),
}
every_refusal = pytest.mark.parametrize(("content", "kind"), REFUSED.values(), ids=list(REFUSED))


@pytest.fixture
def engine() -> Engine:
    return Engine([BombView.definition()])


@every_refusal
def test_poison_has_one_dead_letter_and_leaves_the_documents(
    content: Any, kind: str, engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write(GROUP, {"title": "fine"}))
    poison = writer.write(GROUP, content)

    results = [engine.handle(interleaved, poison)[0].result for _ in range(3)]

    assert results == [Result.DEAD_LETTER, Result.COVERED, Result.COVERED]
    [letter] = writer.dead_letters().values()
    assert letter is not None
    assert (letter["definition"], letter["root"]) == ("BombView", GROUP)
    assert letter["error"]["kind"] == kind
    assert letter["event"]["id"] == poison.event_id
    assert letter["count"] == 1
    assert writer.content("bombs/g") == {"text": "fine"}


@every_refusal
def test_poisonous_first_version_has_a_dead_letter_and_no_document(
    content: Any, kind: str, engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    [outcome] = engine.handle(interleaved, writer.write(GROUP, content))

    assert outcome.result is Result.DEAD_LETTER
    assert outcome.error
    assert len(writer.dead_letters()) == 1
    assert writer.content("bombs/g") is None


@every_refusal
def test_mended_source_deletes_the_dead_letter_in_the_commit_of_the_view(
    content: Any, kind: str, engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write(GROUP, content))
    interleaved.commits.clear()

    engine.handle(interleaved, writer.write(GROUP, {"title": "mended"}))

    [commit] = interleaved.commits
    assert commit.contents["bombs/g"] == {"text": "mended"}
    assert [p.partition("/")[0] for p, f in commit.contents.items() if f is None] == [
        "onto_dead_letters"
    ]
    assert writer.dead_letters() == {}


def test_poison_costs_no_more_than_a_build_that_succeeds(
    engine: Engine, interleaved: Interleaved, connect: Connect, writer: Writer
) -> None:
    """It is not tried again, so it does not hold up other events."""
    engine.handle(interleaved, writer.write(GROUP, {"title": "fine"}))
    calls = Calls()

    outcomes = engine.handle(connect(calls), writer.write(GROUP, {"title": "raise"}))

    assert Result.DEAD_LETTER in {outcome.result for outcome in outcomes}
    assert {outcome.attempts for outcome in outcomes} == {1}
    assert calls.counts["Commit"] == calls.counts["BatchGetDocuments"] == len(outcomes)


def test_each_failing_version_is_counted(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    for version in range(1, 4):
        engine.handle(interleaved, writer.write(GROUP, {"title": f"raise {version}"}))

        letter = writer.dead_letter("BombView", GROUP)
        assert letter is not None
        assert letter["count"] == version
        assert f"raise {version}" in letter["error"]["message"]
    assert len(writer.dead_letters()) == 1


def test_count_begins_anew_after_a_success(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    for title in ("raise 1", "raise 2", "fine", "raise 3"):
        engine.handle(interleaved, writer.write(GROUP, {"title": title}))

    letter = writer.dead_letter("BombView", GROUP)
    assert letter is not None
    assert letter["count"] == 1


def test_other_views_of_the_same_event_proceed(interleaved: Interleaved, writer: Writer) -> None:
    engine = Engine([BombView.definition(), GroupView.definition()])

    outcomes = engine.handle(interleaved, writer.write(GROUP, {"title": "raise"}))

    results = {outcome.definition: outcome.result for outcome in outcomes}
    assert results == {"BombView": Result.DEAD_LETTER, "GroupView": Result.COMMITTED}
    assert writer.content("groupViews/g") == group_view(title="raise")


def test_poisonous_reference_is_named_and_mended(interleaved: Interleaved, writer: Writer) -> None:
    engine = Engine([GroupView.definition()])
    writer.write("people/a", {"name": 7})
    [outcome] = engine.handle(interleaved, writer.write(GROUP, {"members": people("a")}))
    assert outcome.result is Result.DEAD_LETTER
    assert "people/a" in outcome.error

    engine.handle(interleaved, writer.write("people/a", {"name": "Ann"}))

    assert writer.content("groupViews/g") == group_view("Ann")
    assert writer.dead_letters() == {}


def test_required_document_that_is_missing_is_a_dead_letter_until_it_is_created(
    interleaved: Interleaved, writer: Writer
) -> None:
    engine = Engine([AddressView.definition()])
    created = writer.write("people/a", {"name": "Ann", "home": Town.ref("x")})
    engine.handle(interleaved, created)
    letter = writer.dead_letter("AddressView", "people/a")
    assert letter is not None
    assert letter["error"]["kind"] == "MissingDocument"

    engine.handle(interleaved, writer.write("towns/x", {"name": "Oslo"}))

    assert writer.content("addresses/a") == {"address": {"name": "Ann", "town": "Oslo"}}
    assert writer.dead_letters() == {}


def test_required_document_that_is_deleted_leaves_the_view_and_a_dead_letter(
    interleaved: Interleaved, writer: Writer
) -> None:
    engine = Engine([AddressView.definition()])
    writer.write("towns/x", {"name": "Oslo"})
    engine.handle(interleaved, writer.write("people/a", {"name": "Ann", "home": Town.ref("x")}))

    [outcome] = engine.handle(interleaved, writer.delete("towns/x"))

    assert outcome.result is Result.DEAD_LETTER
    assert writer.content("addresses/a") == {"address": {"name": "Ann", "town": "Oslo"}}


def test_deleted_root_takes_its_dead_letter_along(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    engine.handle(interleaved, writer.write(GROUP, {"title": "fine"}))
    engine.handle(interleaved, writer.write(GROUP, {"title": "raise"}))

    engine.handle(interleaved, writer.delete(GROUP))

    assert writer.content("bombs/g") is None
    assert writer.dead_letters() == {}
    assert writer.collection("onto_ledger") == {}


def test_stale_poison_is_covered_by_a_later_success(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    poison = writer.write(GROUP, {"title": "raise"})
    engine.handle(interleaved, writer.write(GROUP, {"title": "mended"}))

    [outcome] = engine.handle(interleaved, poison)

    assert outcome.result is Result.COVERED
    assert writer.dead_letters() == {}


class Parcel(DomainModel, collection="parcels"):
    """Its validator expects what a document may not have; pydantic passes such errors on."""

    size: str

    @field_validator("size", mode="before")
    @classmethod
    def known_size(cls, value: Any) -> str:
        return {"S": "small", "L": "large"}[value]


class ParcelStore(Store):
    parcel = root(Parcel)


class ParcelView(ViewModel[ParcelStore], path="parcelViews/{parcel_id}"):
    @property
    def size(self) -> str:
        return self.store.parcel.size


def test_validator_that_raises_any_error_is_a_dead_letter(
    interleaved: Interleaved, writer: Writer
) -> None:
    engine = Engine([ParcelView.definition()])

    [outcome] = engine.handle(interleaved, writer.write("parcels/p", {"size": "XXL"}))

    assert outcome.result is Result.DEAD_LETTER
    assert "parcels/p" in outcome.error


class CrowdStore(Store):
    group = root(Group)
    members = many(Person, lambda store: store.group.members, missing="skip")


class CrowdView(ViewModel[CrowdStore], path="crowds/{group_id}"):
    @property
    def size(self) -> int:
        return len(self.store.members)


def test_read_set_too_large_for_the_ledger_is_a_dead_letter(
    interleaved: Interleaved, writer: Writer, quick: RetryPolicy
) -> None:
    """Else the event would fail, and be delivered again, for as long as the platform tries."""
    engine = Engine([CrowdView.definition()], retry=quick)
    members = people(*(f"{number:0>1000}" for number in range(960)))

    [outcome] = engine.handle(interleaved, writer.write(GROUP, {"members": members}))

    assert outcome.result is Result.DEAD_LETTER
    [letter] = writer.dead_letters().values()
    assert letter is not None
    assert letter["error"]["kind"] == "DocumentTooLarge"

    engine.handle(interleaved, writer.write(GROUP, {"members": members[:1]}))

    assert writer.content("crowds/g") == {"size": 0}
    assert writer.dead_letters() == {}


class WideView(ViewModel[GroupStore], path="wide/{group_id}/copies/{number}"):
    """As many copies of almost a megabyte as the group's title says."""

    @property
    def text(self) -> str:
        return "x" * 1_000_000

    def targets(self) -> Iterable[Mapping[str, str]]:
        group = self.store.group
        return [{"group_id": group.doc_id, "number": str(n)} for n in range(int(group.title))]


@pytest.mark.parametrize("copies", [6, 12], ids=["for the transport", "for Firestore"])
def test_a_commit_too_large_is_a_dead_letter_until_it_is_mended(
    copies: int, interleaved: Interleaved, writer: Writer, quick: RetryPolicy
) -> None:
    engine = Engine([WideView.definition()], retry=quick)

    [outcome] = engine.handle(interleaved, writer.write(GROUP, {"title": str(copies)}))

    assert outcome.result is Result.DEAD_LETTER
    assert writer.dead_letter("WideView", GROUP) is not None
    assert writer.collection("wide/g/copies") == {}

    engine.handle(interleaved, writer.write(GROUP, {"title": "2"}))

    assert len(writer.collection("wide/g/copies")) == 2
    assert writer.dead_letters() == {}


# Read sets that no ledger record can list


def crowd(writer: Writer, numbers: range, team: str | None) -> list[Change]:
    """People with ids of 1,000 characters enter or (with None) leave a team; their events."""
    changes: list[Change] = []
    for start in range(numbers.start, numbers.stop, 240):  # in commits that fit
        names = [f"people/{n:0>1000}" for n in range(start, min(start + 240, numbers.stop))]
        content = None if team is None else {"name": "x", "team": team}
        changes += writer.write_all(dict.fromkeys(names, content))
    return changes


def test_a_first_read_set_too_large_is_mended_by_its_sources(
    interleaved: Interleaved, writer: Writer, quick: RetryPolicy
) -> None:
    engine = Engine([TeamView.definition()], retry=quick)
    crowd(writer, range(960), "t")
    created = writer.write("teams/t", {})
    results = [engine.handle(interleaved, created)[0].result for _ in range(2)]
    assert results == [Result.DEAD_LETTER, Result.COVERED]

    last = crowd(writer, range(1, 960), None)[-1]
    engine.handle(interleaved, last)

    assert writer.content("teamViews/t") == {"names": ["x"]}
    assert writer.dead_letters() == {}


def test_a_later_read_set_too_large_takes_its_letter_along_when_it_is_mended(
    interleaved: Interleaved, writer: Writer, quick: RetryPolicy
) -> None:
    engine = Engine([TeamView.definition()], retry=quick)
    engine.handle(interleaved, writer.write("teams/t", {}))
    first = crowd(writer, range(960), "t")[0]
    for _ in range(2):
        engine.handle(interleaved, first)
    assert writer.content("teamViews/t") == {"names": []}
    assert len(writer.dead_letters()) == 1

    last = crowd(writer, range(1, 960), None)[-1]
    engine.handle(interleaved, last)

    assert writer.content("teamViews/t") == {"names": ["x"]}
    assert writer.dead_letters() == {}


def test_a_failed_build_with_a_read_set_too_large_is_a_dead_letter(
    interleaved: Interleaved, writer: Writer, quick: RetryPolicy
) -> None:
    engine = Engine([TeamView.definition()], retry=quick)
    crowd(writer, range(960), "t")
    bad = writer.write("people/bad", {"name": 7, "team": "t"})

    [outcome] = engine.handle(interleaved, writer.write("teams/t", {}))
    assert outcome.result is Result.DEAD_LETTER
    assert "people/bad" in outcome.error

    crowd(writer, range(960), None)
    engine.handle(interleaved, writer.delete(bad.path))

    assert writer.content("teamViews/t") == {"names": []}
    assert writer.dead_letters() == {}
