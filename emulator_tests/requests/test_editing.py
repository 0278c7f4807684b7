"""`edit` and `load_view`: setters from Python code write what they change, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from meeting_room.views import MeetingSession, UserView

from emulator_tests.kit.bank import ACCOUNT, ANN, BOB, Account, AccountPage
from emulator_tests.kit.calls import Outage
from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Writer, in_threads
from onto_fn import Refused
from onto_fn.editing import Database, edit, load_view
from onto_fn.errors import Contention, MissingDocument, RetriesExhausted

Connect = Callable[..., Any]

MEETING_ROOM: dict[str, dict[str, Any]] = {
    "users/thomasina": {"firstName": "Thomasina", "lastName": "Manes", "shoeSize": 38},
    "users/joshua": {"firstName": "Joshua", "lastName": "Pendergrast"},
    "tickets/ts_t": {"role": "Organizer", "user": "users/thomasina", "attendance": True},
    "locations/L": {"latitude": 1.0, "longitude": 2.0, "address": "here"},
    "meetings/m": {
        "users": ["users/thomasina", "users/joshua"],
        "tickets": {"thomasina": "tickets/ts_t"},
        "location": "locations/L",
        "status": "in-session",
    },
}


@pytest.fixture
def accounts(writer: Writer) -> None:
    writer.write_all({ACCOUNT: ANN, "accounts/b": BOB})


def deposit(amount: int) -> Callable[[AccountPage], None]:
    def change(view: AccountPage) -> None:
        view.deposit = amount

    return change


def test_m8_an_edited_name_writes_one_document_of_all_that_the_view_reads(
    interleaved: Interleaved, writer: Writer
) -> None:
    writer.write_all(MEETING_ROOM)
    view = load_view(interleaved, UserView, "thomasina")

    view.last_name = "Manes-Furlong"
    written = view.save()

    assert written == ("users/thomasina",)
    [commit] = interleaved.commits
    thomasina = MEETING_ROOM["users/thomasina"] | {"lastName": "Manes-Furlong"}
    assert commit.contents == {"users/thomasina": thomasina}
    assert view.last_name == "Manes-Furlong"
    assert view.save() == (), "nothing has changed since"
    view.last_name = "Manes"
    assert view.save() == ("users/thomasina",)


def test_a_document_that_several_reads_find_is_one_object(
    database: Database, writer: Writer
) -> None:
    """Thomasina is read as a user of the meeting, and as the holder of a ticket."""
    writer.write_all(MEETING_ROOM)
    view = load_view(database, MeetingSession, "m")

    view.store.users[0].last_name = "Furlong"

    assert [attendee.name for attendee in view.attending] == ["Thomasina Furlong"]
    assert view.save() == ("users/thomasina",)


def test_a_cached_property_shows_what_was_set(database: Database, accounts: None) -> None:
    view = load_view(database, AccountPage, "a")
    assert view.of_family == 20

    view.balance = 5

    assert view.of_family == 15


def test_a_field_that_the_model_does_not_keep_stays(
    database: Database, writer: Writer, accounts: None
) -> None:
    edit(database, AccountPage, Account.ref("a"), deposit(1))

    assert writer.content(ACCOUNT) == ANN | {"balance": 11}


def test_a_setter_that_refuses_writes_nothing(
    database: Database, writer: Writer, accounts: None
) -> None:
    with pytest.raises(Refused, match="owe money"):
        edit(database, AccountPage, "a", deposit(-21))

    assert writer.content(ACCOUNT) == ANN


def test_a_view_whose_sources_have_changed_is_not_saved(
    database: Database, writer: Writer, accounts: None
) -> None:
    view = load_view(database, AccountPage, "a")
    view.balance = -10
    writer.write("accounts/b", BOB | {"balance": 0})

    with pytest.raises(Contention):
        view.save()

    assert writer.content(ACCOUNT) == ANN


def test_an_edit_whose_sources_change_is_decided_again(
    interleaved: Interleaved, writer: Writer, accounts: None
) -> None:
    seen: list[int] = []

    def withdraw(view: AccountPage) -> int:
        seen.append(view.of_family)
        view.balance = view.balance - view.of_family
        return view.balance

    interleaved.once(Point.READ, lambda: writer.write("accounts/b", BOB | {"balance": 3}))

    assert edit(interleaved, AccountPage, "a", withdraw) == -3
    assert seen == [20, 13]
    assert writer.content(ACCOUNT) == ANN | {"balance": -3}


def test_concurrent_edits_are_all_applied(
    database: Database, writer: Writer, accounts: None
) -> None:
    amounts = [1, 2, 4, 8]  # no two sets of them have the same sum, by which an edit knows itself

    in_threads(4, lambda amount: edit(database, AccountPage, "a", deposit(amount)), amounts)

    assert writer.content(ACCOUNT) == ANN | {"balance": 25}


@pytest.mark.parametrize("applied", [False, True], ids=["lost", "applied and not answered"])
def test_an_edit_whose_commit_is_not_answered_is_applied_once(
    connect: Connect, writer: Writer, accounts: None, applied: bool
) -> None:
    edit(connect(Outage("Commit", 1, applied=applied)), AccountPage, "a", deposit(1))

    assert writer.content(ACCOUNT) == ANN | {"balance": 11}


def test_a_root_that_does_not_exist_is_named(database: Database) -> None:
    with pytest.raises(MissingDocument, match=r"accounts/none does not exist"):
        load_view(database, AccountPage, "none")
    with pytest.raises(MissingDocument, match=r"accounts/none does not exist"):
        edit(database, AccountPage, "none", deposit(1))


def test_an_edit_past_its_policy_writes_nothing(
    connect: Connect, writer: Writer, quick: Any, accounts: None
) -> None:
    with pytest.raises(RetriesExhausted, match="editing AccountPage of accounts/a"):
        edit(connect(Outage("Commit", 99)), AccountPage, "a", deposit(1), retry=quick)

    assert writer.content(ACCOUNT) == ANN
