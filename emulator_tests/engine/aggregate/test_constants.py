"""Constant filters of aggregates: a document that they do not leave is in no group."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator_tests.kit.polls import POLL, RESULTS, poll_engine, vote, withdrawn
from emulator_tests.kit.writing import Writer
from onto_fn import DomainModel, Store, ViewModel, aggregate, root
from onto_fn.aggregates import count, total
from onto_fn.aggregates.constants import Constants
from onto_fn.aggregates.spec import AGGREGATES, CONTRIBUTIONS
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.operate.backfill import Backfill, targets_of
from onto_fn.engine.operate.status import status_of
from onto_fn.engine.operate.verify import Verification
from onto_fn.firestore import Document, Filter


def of_a(**options: Any) -> Engine:
    return poll_engine(number=count(), weight=total("weight"), where={"option": "a"}, **options)


def of_b() -> Engine:
    return poll_engine(number=count(), weight=total("weight"), where={"option": "b"})


def of_any() -> Engine:
    """The same groups as an earlier version of onto_fn has kept: all that a value may ask for."""
    where = {"option": lambda store: store.poll.question or "a"}
    return poll_engine(number=count(), weight=total("weight"), where=where)


def groups(database: Database) -> set[str]:
    return {path for path in database.paths(AGGREGATES) if "~" in path}


def backfill(engine: Engine, database: Database, **options: Any) -> None:
    Backfill(engine, database, targets_of(engine, ["votes"]), workers=1, **options).run()


def counted(engine: Engine, writer: Writer, options: str = "aab") -> None:
    """A poll, and votes of weight 1, 2 and so on."""
    engine.handle(writer.database, writer.write(POLL, {}))
    for voter, option in enumerate(options):
        change = vote(writer, voter, option=option, weight=voter + 1)
        engine.handle(writer.database, change)
    engine.rebuild(writer.database, "Results", POLL)


def shown(engine: Engine, writer: Writer) -> Any:
    """What the view says once it is built again."""
    engine.rebuild(writer.database, "Results", POLL)
    content = writer.content(RESULTS)
    return content["numbers"] if content else None


def test_only_the_group_that_is_asked_for_is_kept(writer: Writer) -> None:
    engine = of_a()
    counted(engine, writer, "aabcd")

    assert len(groups(writer.database)) == 1
    assert shown(engine, writer) == {"number": 2, "weight": 3}
    record = writer.collection(CONTRIBUTIONS)[f"{CONTRIBUTIONS}/votes~{escaped(2)}"]
    assert record is not None
    assert record["groups"] == []


def escaped(voter: int) -> str:
    return f"{POLL}/votes/{voter}".replace("/", "%2F")


def test_a_document_goes_in_and_out_of_the_group_as_its_value_changes(writer: Writer) -> None:
    engine = of_a()
    counted(engine, writer)

    for voter, option in ((2, "a"), (0, "b"), (1, None)):
        engine.handle(writer.database, vote(writer, voter, option=option, weight=voter + 1))
    engine.handle(writer.database, withdrawn(writer, 0))

    assert shown(engine, writer) == {"number": 1, "weight": 3}
    assert len(groups(writer.database)) == 1
    found = Verification(engine, writer.database, targets_of(engine), settle=0.0).run()
    assert found.found == 0


def test_a_document_that_is_in_no_group_need_not_be_measurable(writer: Writer) -> None:
    engine = of_a()
    counted(engine, writer)

    engine.handle(writer.database, vote(writer, 7, option="b", weight=float("nan")))

    assert writer.dead_letters() == {}


def test_numbers_that_were_stored_before_stay_and_a_backfill_deletes_the_other_groups(
    writer: Writer,
) -> None:
    counted(of_any(), writer)
    before = groups(writer.database)
    engine = of_a()

    engine.handle(writer.database, vote(writer, 3, option="a", weight=4))

    assert len(before) == 2
    assert groups(writer.database) == before
    assert shown(engine, writer) == {"number": 3, "weight": 7}
    assert writer.dead_letters() == {}

    backfill(engine, writer.database, stale=True)

    assert len(groups(writer.database)) == 1
    assert shown(engine, writer) == {"number": 3, "weight": 7}
    status = status_of(writer.database, engine.targets["votes"], engine.retry)
    assert (status.stale, status.is_shown) == (0, True)


def test_another_constant_is_never_shown_as_nothing_before_it_is_counted(writer: Writer) -> None:
    counted(of_a(), writer)
    engine = of_b()

    engine.handle(writer.database, vote(writer, 3, option="b", weight=4))
    engine.rebuild(writer.database, "Results", POLL)

    assert writer.content(RESULTS) == {"numbers": {"number": 2, "weight": 3}}
    assert list(writer.dead_letters()) == ["onto_dead_letters/Results~countedPolls%2Fp"]
    assert not status_of(writer.database, engine.targets["votes"], engine.retry).is_shown

    backfill(engine, writer.database, stale=True)

    assert shown(engine, writer) == {"number": 2, "weight": 7}
    assert writer.dead_letters() == {}
    assert len(groups(writer.database)) == 1


def test_a_filter_that_becomes_a_function_of_the_store_is_counted_anew(writer: Writer) -> None:
    counted(of_a(), writer)
    engine = of_any()
    engine.handle(writer.database, writer.write(POLL, {"question": "b"}))
    assert writer.content(RESULTS) == {"numbers": {"number": 2, "weight": 3}}

    backfill(engine, writer.database)

    assert shown(engine, writer) == {"number": 1, "weight": 3}


class Town(DomainModel, collection="towns"):
    pass


class Parcel(DomainModel, collection="towns/{town}/parcels"):
    state: str
    tags: list[str]


def parcels() -> Any:
    return aggregate(Parcel, name="parcels", number=count())


class SentStore(Store):
    town = root(Town)
    parcels = parcels().within(town="oslo").where("state", "==", "sent")


class LostStore(Store):
    town = root(Town)
    parcels = parcels().within(town="oslo").where("state", "==", "lost")


class TagStore(Store):
    town = root(Town)
    heavy = aggregate(Parcel, name="heavy", number=count()).where("tags", "array_contains", "heavy")


class Sent(ViewModel[SentStore], path="sent/{town}"):
    @property
    def number(self) -> int:
        return self.store.parcels["number"]


class Lost(ViewModel[LostStore], path="lost/{town}"):
    @property
    def number(self) -> int:
        return self.store.parcels["number"]


def parcel(writer: Writer, path: str, **fields: Any) -> Any:
    return writer.write(path, fields)


def test_two_stores_that_share_an_aggregate_have_the_groups_of_both(writer: Writer) -> None:
    engine = Engine([Sent.definition(), Lost.definition()])
    states = ["sent", "sent", "lost", "packed", "packed"]
    for number, state in enumerate(states):
        change = parcel(writer, f"towns/oslo/parcels/{number}", state=state, tags=[])
        engine.handle(writer.database, change)
    engine.handle(writer.database, writer.write("towns/t", {}))

    assert (writer.content("sent/t"), writer.content("lost/t")) == ({"number": 2}, {"number": 1})
    assert len(groups(writer.database)) == 2


def test_a_constant_of_the_path_keeps_no_groups_of_other_collections(writer: Writer) -> None:
    engine = Engine([Sent.definition()])
    for town in ("oslo", "bergen", "moss"):
        engine.handle(
            writer.database, parcel(writer, f"towns/{town}/parcels/p", state="sent", tags=[])
        )

    assert len(groups(writer.database)) == 1


def test_a_constant_item_of_a_list_keeps_no_groups_of_the_other_items() -> None:
    [spec] = TagStore.aggregates()
    document = Document("towns/t/parcels/p", {"state": "", "tags": ["heavy", "red", "wet"]}, None)

    contribution = spec.contribution(document, Parcel(state="", tags=["heavy", "red", "wet"]))

    assert len(contribution.groups) == 1


VALUES = st.dictionaries(st.sampled_from("abc"), st.frozensets(st.sampled_from("xyz")))


@given(VALUES, VALUES)
def test_what_is_joined_covers_both(first: Any, second: Any) -> None:
    joined = Constants(first).joined(Constants(second))

    assert joined.cover(Constants(first))
    assert joined.cover(Constants(second))
    assert Constants.read(joined.text) == joined


@given(VALUES, VALUES, st.sampled_from("abc"), st.sampled_from("xyz"))
def test_what_covers_another_leaves_all_that_it_leaves(
    first: Any, second: Any, name: str, value: str
) -> None:
    if Constants(first).cover(Constants(second)) and value in second.get(name, {value}):
        left = first.get(name)
        assert left is None or value in left


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (True, True), ("x" * 500, "x" * 500)])
def test_values_that_are_equal_in_firestore_are_the_same_constant(one: Any, other: Any) -> None:
    constants = Constants.of([Filter("a", "==", one)], {})

    assert constants.leave("a ==", other)
    assert not constants.leave("a ==", "something else")
