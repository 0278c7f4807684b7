"""A view is built from one snapshot (G3), and never replaced by an older one (G2)."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from emulator_tests.kit.definitions import during_build
from emulator_tests.kit.domain import GroupView, TeamView, group_view, people
from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Writer, in_threads
from onto_fn import DomainModel, Ref, Store, ViewModel, keyed, one, query, root
from onto_fn.engine import Engine
from onto_fn.observability import Change, Result

Connect = Callable[..., Any]


class Account(DomainModel, collection="accounts"):
    transfer: int = 0
    owner: str = ""


class Household(DomainModel, collection="households"):
    first: Ref[Account]
    second: Ref[Account]


class HouseholdStore(Store):
    """Two accounts read by reference, the same two by a query, and one level further."""

    household = root(Household)
    first = one(Account, lambda store: store.household.first)
    second = one(Account, lambda store: store.household.second)
    again = keyed(Account, lambda store: {"again": store.second.doc_ref})
    owned = query(Account).where("owner", "==", lambda store: store.household.doc_id)


class Balance(ViewModel[HouseholdStore], path="balances/{household_id}"):
    @property
    def transfers(self) -> list[int]:
        store = self.store
        owned = sorted(store.owned, key=lambda account: account.doc_id)
        accounts = [store.first, store.second, *store.again.values(), *owned]
        return [account.transfer for account in accounts]


ACCOUNTS = ("accounts/a", "accounts/b")


def account(transfer: int) -> Mapping[str, Any]:
    return {"transfer": transfer, "owner": "h"}


def transfer(writer: Writer) -> list[Change]:
    """One more transfer: both accounts change in one commit."""

    def updated(documents: Mapping[str, Any]) -> dict[str, Any]:
        last = documents[ACCOUNTS[0]].fields["transfer"]
        return dict.fromkeys(ACCOUNTS, account(last + 1))

    return writer.update(ACCOUNTS, updated)


def test_sources_changed_together_are_never_seen_torn(
    interleaved: Interleaved, connect: Connect, writer: Writer
) -> None:
    """320 transfers by 4 writers, each delivering its two events at once or late."""
    engine = Engine([Balance.definition()])
    writer.write_all(dict.fromkeys(ACCOUNTS, account(0)))
    references = {"first": Account.ref("a"), "second": Account.ref("b")}
    engine.handle(interleaved, writer.write("households/h", references))

    def run(seed: int) -> None:
        order = random.Random(seed)
        own, late = Writer(connect()), []
        for _ in range(80):
            late += transfer(own)
            order.shuffle(late)
            while len(late) > 1:
                engine.handle(interleaved, late.pop())
        for change in late:
            engine.handle(interleaved, change)

    in_threads(4, run, range(4))

    history = [view["transfers"] for view in interleaved.history("balances/h") if view]
    assert [view for view in history if len(set(view)) != 1] == []
    counts = [view[0] for view in history]
    assert counts == sorted(set(counts)), "each version is newer than the one before"
    assert writer.content("balances/h") == {"transfers": [320] * 5}


def test_write_between_two_reads_of_a_build_is_not_seen(
    interleaved: Interleaved, writer: Writer
) -> None:
    """The build has read the first account; the second is read after both have changed."""
    engine = Engine([Balance.definition()])
    writer.write_all(dict.fromkeys(ACCOUNTS, account(0)))
    references = {"first": Account.ref("a"), "second": Account.ref("b")}
    created = writer.write("households/h", references)
    late: list[Change] = []
    for _ in range(3):  # between the root, the accounts, the query and the last level
        interleaved.once(Point.READ, lambda: late.extend(transfer(writer)))

    engine.handle(interleaved, created)
    for change in late:
        engine.handle(interleaved, change)

    assert interleaved.history("balances/h") == [{"transfers": [3] * 5}]


def test_slow_build_of_an_old_version_does_not_replace_a_newer_one(
    interleaved: Interleaved, writer: Writer
) -> None:
    engine = Engine([GroupView.definition()])
    engine.handle(writer.database, writer.write("groups/g", {"title": "first"}))
    second = writer.write("groups/g", {"title": "second"})
    interleaved.once(
        Point.COMMITTING,
        lambda: engine.handle(writer.database, writer.write("groups/g", {"title": "third"})),
    )

    [outcome] = engine.handle(interleaved, second)

    assert outcome.result is Result.COVERED
    assert interleaved.commits == []
    assert writer.content("groupViews/g") == group_view(title="third")


def test_slow_build_that_gained_a_source_does_not_replace_a_newer_one(
    interleaved: Interleaved, writer: Writer
) -> None:
    """The newer build commits after the slow one has locked what it gained."""
    engine = Engine([GroupView.definition()])
    writer.write_all({"people/a": {"name": "Ann"}, "people/b": {"name": "Bob"}})
    engine.handle(writer.database, writer.write("groups/g", {"members": people("a")}))
    gained = writer.write("groups/g", {"title": "second", "members": people("a", "b")})

    def overtake() -> None:
        third = {"title": "third", "members": people("a", "b")}
        engine.handle(writer.database, writer.write("groups/g", third))

    interleaved.once(Point.LOCKED, overtake)
    engine.handle(interleaved, gained)

    assert interleaved.commits == []
    assert writer.content("groupViews/g") == group_view("Ann", "Bob", title="third")


def test_slow_build_of_a_query_does_not_replace_a_newer_one(
    interleaved: Interleaved, writer: Writer
) -> None:
    engine = Engine([TeamView.definition()])
    engine.handle(writer.database, writer.write("teams/t", {}))
    joined = writer.write("people/a", {"name": "Ann", "team": "t"})

    def overtake() -> None:
        engine.handle(writer.database, writer.write("people/b", {"name": "Bob", "team": "t"}))

    slow = Engine([during_build(TeamView.definition(), overtake)])
    slow.handle(interleaved, joined)

    assert interleaved.commits == []
    assert writer.content("teamViews/t") == {"names": ["Ann", "Bob"]}
