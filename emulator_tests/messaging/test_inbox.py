"""A receiver applies each message once, however often it is delivered."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulator_tests.kit.calls import Outage
from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Writer, in_threads
from onto_fn import RetryPolicy
from onto_fn.editing import Write
from onto_fn.errors import RetriesExhausted
from onto_fn.messaging import Inbox, Message, Receipt

PROCESSED, DUPLICATE, STALE = Receipt.PROCESSED, Receipt.DUPLICATE, Receipt.STALE


def message(version: int = 1, key: str = "views/a", **changes: Any) -> Message:
    fields: dict[str, Any] = {
        "id": f"{key}-{version}",
        "source": "//somewhere",
        "type": "fn.onto.document.written",
        "subject": key,
        "time": datetime(2026, 1, 1, tzinfo=UTC),
        "key": key,
        "version": version,
        "body": f'{{"version": {version}}}'.encode(),
    }
    return Message(**(fields | changes))


def record(message: Message) -> list[Write]:
    """An effect that shows how often it was made: one more document each time."""
    return [Write(f"effects/{secrets.token_hex(8)}", {"version": message.version})]


def count(message: Message) -> list[Write]:
    return [Write("counts/all", None, increments={("n",): 1})]


def effects(writer: Writer) -> list[int]:
    return sorted(f["version"] for f in writer.collection("effects").values() if f)


@pytest.fixture
def inbox(writer: Writer) -> Inbox:
    return Inbox(writer.database, "billing")


@pytest.fixture
def latest(writer: Writer) -> Inbox:
    return Inbox(writer.database, "billing", latest_only=True)


def test_a_message_is_applied_once(inbox: Inbox, writer: Writer) -> None:
    receipts = [inbox.process(message(), record) for _ in range(3)]

    assert receipts == [PROCESSED, DUPLICATE, DUPLICATE]
    assert effects(writer) == [1]


@pytest.mark.parametrize("latest_only", [False, True])
def test_16_concurrent_deliveries_have_one_effect(latest_only: bool, writer: Writer) -> None:
    inbox = Inbox(writer.database, "billing", latest_only=latest_only)

    def process(_: int) -> Receipt:
        return inbox.process(message(), lambda m: [*record(m), *count(m)])

    receipts = in_threads(16, process, range(16))

    assert receipts.count(PROCESSED) == 1
    assert receipts.count(DUPLICATE) == 15
    assert effects(writer) == [1]
    assert writer.content("counts/all") == {"n": 1}


def test_a_commit_that_is_not_answered_is_not_repeated(
    connect: Callable[..., Any], writer: Writer
) -> None:
    inbox = Inbox(connect(Outage("Commit", 1, applied=True)), "billing")

    assert inbox.process(message(), record) is DUPLICATE
    assert effects(writer) == [1]


def test_a_message_is_unmarked_if_its_effect_is_not_committed(
    connect: Callable[..., Any], writer: Writer, quick: RetryPolicy
) -> None:
    inbox = Inbox(connect(Outage("Commit", quick.attempts)), "billing", retry=quick)
    with pytest.raises(RetriesExhausted, match="in inbox billing"):
        inbox.process(message(), record)
    assert effects(writer) == []

    assert inbox.process(message(), record) is PROCESSED
    assert effects(writer) == [1]


def test_a_handler_that_raises_leaves_the_message_unmarked(inbox: Inbox, writer: Writer) -> None:
    with pytest.raises(ZeroDivisionError):
        inbox.process(message(), lambda _: [Write("effects/x", {"version": 1 // 0})])

    assert inbox.process(message(), record) is PROCESSED


def test_a_message_without_effect_is_marked_too(inbox: Inbox) -> None:
    assert inbox.process(message(), lambda _: []) is PROCESSED
    assert inbox.process(message(), record) is DUPLICATE


def test_a_write_whose_precondition_fails_is_made_again(interleaved: Interleaved) -> None:
    inbox = Inbox(interleaved, "billing")

    def next_number(_: Message) -> list[Write]:
        now = interleaved.get(["counts/all"])[0]["counts/all"]
        number = (now.fields or {}).get("n", 0) + 1
        return [Write("counts/all", {"n": number}, now.update_time or "absent")]

    interleaved.once(Point.COMMITTING, lambda: inbox.process(message(2), next_number))

    assert inbox.process(message(1), next_number) is PROCESSED
    assert interleaved.get(["counts/all"])[0]["counts/all"].fields == {"n": 2}


def test_receivers_of_different_names_each_process_a_message(inbox: Inbox, writer: Writer) -> None:
    other = Inbox(writer.database, "shipping")

    assert inbox.process(message(), record) is PROCESSED
    assert other.process(message(), record) is PROCESSED


def test_an_id_is_one_of_its_source(inbox: Inbox) -> None:
    assert inbox.process(message(), record) is PROCESSED
    assert inbox.process(message(source="//elsewhere"), record) is PROCESSED


def test_a_mark_expires_when_it_is_told(writer: Writer) -> None:
    before = datetime.now(UTC)

    Inbox(writer.database, "billing", keep=timedelta(days=31)).process(message(), record)

    [mark] = writer.collection("onto_inbox").values()
    assert mark is not None
    assert before + timedelta(days=31) <= mark["expiresAt"] <= before + timedelta(days=31, hours=1)
    assert mark["id"] == message().id


def test_every_version_is_processed_in_any_order(inbox: Inbox, writer: Writer) -> None:
    receipts = [inbox.process(message(version), record) for version in (2, 3, 1)]

    assert receipts == [PROCESSED] * 3
    assert effects(writer) == [1, 2, 3]


def test_only_the_latest_is_processed_if_no_other_is_wanted(latest: Inbox, writer: Writer) -> None:
    receipts = [latest.process(message(version), record) for version in (2, 1, 3, 2, 1)]

    assert receipts == [PROCESSED, STALE, PROCESSED, DUPLICATE, STALE]
    assert effects(writer) == [2, 3]


def test_the_latest_is_that_of_each_document(latest: Inbox) -> None:
    assert latest.process(message(2, "views/a"), record) is PROCESSED
    assert latest.process(message(1, "views/b"), record) is PROCESSED


def test_what_is_overtaken_while_it_is_processed_is_stale(
    interleaved: Interleaved, writer: Writer
) -> None:
    latest = Inbox(interleaved, "billing", latest_only=True)
    interleaved.once(Point.COMMITTING, lambda: latest.process(message(2), record))

    assert latest.process(message(1), record) is STALE
    assert effects(writer) == [2]


def test_concurrent_versions_leave_the_latest(latest: Inbox, writer: Writer) -> None:
    def content(message: Message) -> list[Write]:
        return [Write("copies/a", message.data)]

    in_threads(8, lambda version: latest.process(message(version), content), [3, 1, 4, 2, 5] * 3)

    assert writer.content("copies/a") == {"version": 5}
