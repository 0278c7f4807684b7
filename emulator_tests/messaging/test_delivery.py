"""What is in the outbox is sent, confirmed and deleted; nothing is lost, order is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from emulator_tests.kit.calls import Outage
from emulator_tests.kit.domain import GroupView
from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.sending import Recorder, creations, deliver, entries
from emulator_tests.kit.writing import Writer, in_threads
from onto_fn import App, DeclarationError, RetryPolicy, ViewMediator
from onto_fn.engine import Engine
from onto_fn.errors import MessageRefused, RetriesExhausted, TransientError
from onto_fn.functions.listener import Listener
from onto_fn.observability import Change, Result
from onto_fn.testing.eventually import Eventually

Connect = Callable[..., Any]
GROUP, VIEW = "groups/g", "groupViews/g"


class Died(BaseException):
    """The process ends here."""


def die(*_: object) -> None:
    raise Died


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def app(recorder: Recorder, quick: RetryPolicy) -> App:
    return App([ViewMediator(GroupView, sends=[recorder])], retry=quick)


@pytest.fixture
def change_group(app: App, writer: Writer) -> Callable[..., None]:
    """Changes the view, once for each title, and delivers no message."""

    def change(*titles: str) -> None:
        for title in titles:
            app.handle_change(writer.database, writer.write(GROUP, {"title": title}))

    return change


def titles(recorder: Recorder) -> list[str]:
    return [message.data["title"] for message in recorder.sent]


# In good times


def test_a_message_is_sent_and_its_entry_deleted(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    change_group("here")

    [outcome] = deliver(app, writer)

    [message] = recorder.sent
    assert (outcome.result, outcome.root) == (Result.SENT, VIEW)
    assert message.subject == VIEW
    assert message.data == {"title": "here", "names": [], "towns": []}
    assert message.source == (
        f"//firestore.googleapis.com/projects/{writer.database.project}/databases/(default)"
    )
    assert entries(writer) == []


def test_an_event_of_what_was_sent_sends_nothing(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    change_group("here")
    [created] = creations(writer)
    app.handle_change(writer.database, created)

    [outcome] = app.handle_change(writer.database, created)

    assert outcome.result is Result.COVERED
    assert len(recorder.sent) == 1


def test_the_deletion_of_an_entry_sends_nothing(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    change_group("here")
    [created] = creations(writer)
    assert created.after is not None
    deleted = Change(created.path, created.after, created.before)

    assert app.handle_change(writer.database, deleted) == []
    assert recorder.sent == []


def test_the_mark_of_a_refused_entry_is_no_new_message(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    change_group("here")
    [created] = creations(writer)
    refused(app, recorder, writer)
    [now] = creations(writer)

    assert app.handle_change(writer.database, Change(now.path, created.after, now.after)) == []
    assert recorder.sent == []


# Crashes


def test_a_crash_before_the_message_is_confirmed_sends_it_again(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    change_group("here")
    [created] = creations(writer)
    recorder.before = die
    with pytest.raises(Died):
        app.handle_change(writer.database, created)
    recorder.before = lambda message: None

    app.handle_change(writer.database, created)

    assert titles(recorder) == ["here"]
    assert entries(writer) == []


def test_a_crash_after_the_message_is_confirmed_sends_the_same_again(
    app: App, recorder: Recorder, writer: Writer, change_group: Any, interleaved: Interleaved
) -> None:
    change_group("here")
    [created] = creations(writer)
    interleaved.once(Point.COMMITTING, die)
    with pytest.raises(Died):
        app.handle_change(interleaved, created)
    assert len(entries(writer)) == 1

    app.handle_change(interleaved, created)

    first, second = recorder.sent
    assert first == second
    assert entries(writer) == []


def test_a_deletion_that_is_not_answered_does_not_send_again(
    app: App, recorder: Recorder, writer: Writer, change_group: Any, connect: Connect
) -> None:
    change_group("here")
    [created] = creations(writer)

    app.handle_change(connect(Outage("Commit", 1, applied=True)), created)

    assert titles(recorder) == ["here"]
    assert entries(writer) == []


# Faults of the receiver


def test_a_fault_within_the_policy_is_survived(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    change_group("here")
    recorder.faults = [TransientError("away"), TransientError("away")]

    deliver(app, writer)

    assert titles(recorder) == ["here"]


def test_a_receiver_that_is_down_is_raised_and_gets_the_message_later(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    change_group("here")
    [created] = creations(writer)
    recorder.faults = [TransientError("away")] * 3
    with pytest.raises(RetriesExhausted, match=f"{VIEW} to 'recorder'.*away"):
        app.handle_change(writer.database, created, datetime.now(UTC))
    assert recorder.sent == []
    assert writer.dead_letters() == {}

    app.handle_change(writer.database, created, datetime.now(UTC))

    assert titles(recorder) == ["here"]
    assert entries(writer) == []


def test_a_receiver_that_stays_down_leaves_a_dead_letter_that_can_be_replayed(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    change_group("here")
    [created] = creations(writer)
    recorder.faults = [TransientError("away")] * 3

    app.handle_change(writer.database, created, datetime.now(UTC) - timedelta(hours=24))

    [(path, letter)] = writer.dead_letters().items()
    assert letter is not None
    assert "'recorder'" in letter["error"]["message"]
    assert VIEW in letter["error"]["message"]
    assert len(entries(writer)) == 1
    assert app.replay(path.rpartition("/")[2], writer.database) is None
    assert titles(recorder) == ["here"]
    assert (entries(writer), writer.dead_letters()) == ([], {})


def test_a_message_that_is_given_up_does_not_hold_up_the_later_ones(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    """Such as one at which the receiver fails with 500, whatever comes after it."""
    change_group("one", "two")
    first, second = creations(writer)
    recorder.faults = [TransientError("500")] * 3
    app.handle_change(writer.database, first, datetime.now(UTC) - timedelta(hours=24))

    app.handle_change(writer.database, second)

    assert titles(recorder) == ["two"]
    assert [entry.refused for entry in entries(writer)] == [True]
    assert len(writer.dead_letters()) == 1


def test_what_was_sent_elsewhere_is_not_given_up(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    change_group("here")
    [created] = creations(writer)

    def away(_: object) -> None:
        raise TransientError("away")

    def sent_elsewhere(_: object) -> None:
        recorder.before = lambda message: None
        app.handle_change(writer.database, created)
        recorder.before = away
        away(None)

    recorder.before = sent_elsewhere

    app.handle_change(writer.database, created, datetime.now(UTC) - timedelta(hours=24))

    assert (entries(writer), writer.dead_letters()) == ([], {})


# Refusals


def refused(app: App, recorder: Recorder, writer: Writer) -> str:
    """The id of the dead letter of what waits, which is refused."""
    recorder.faults = [MessageRefused("403: mend the receiver")]
    [outcome] = deliver(app, writer)
    assert outcome.result is Result.DEAD_LETTER
    [path] = writer.dead_letters()
    return path.rpartition("/")[2]


def test_a_refused_message_has_a_dead_letter_that_says_all_and_keeps_its_entry(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    change_group("here")

    letter = writer.content(f"onto_dead_letters/{refused(app, recorder, writer)}")

    assert letter is not None
    for part in ("'recorder'", VIEW, "403: mend the receiver", "replay this dead letter"):
        assert part in letter["error"]["message"]
    [entry] = entries(writer)
    assert letter["event"]["document"] == entry.path
    assert entry.refused


def test_a_refused_message_that_is_mended_is_sent_by_a_replay(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    change_group("here")
    [waiting] = entries(writer)
    letter = refused(app, recorder, writer)

    assert app.replay(letter, writer.database) is None

    assert titles(recorder) == ["here"]
    assert [message.id for message in recorder.sent] == [waiting.id]
    assert (entries(writer), writer.dead_letters()) == ([], {})
    assert app.replay(letter, writer.database) is None
    assert len(recorder.sent) == 1


def test_a_replay_of_what_is_not_mended_says_so_and_keeps_the_letter(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    change_group("here")
    letter = refused(app, recorder, writer)
    recorder.faults = [MessageRefused("404: no such thing")]

    outcome = app.replay(letter, writer.database)

    assert outcome is not None
    assert outcome.result is Result.DEAD_LETTER
    content = writer.content(f"onto_dead_letters/{letter}")
    assert content is not None
    assert "404: no such thing" in content["error"]["message"]
    assert len(entries(writer)) == 1


def test_an_engine_alone_does_not_take_a_letter_of_a_message_for_resolved(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    change_group("here")
    letter = refused(app, recorder, writer)

    with pytest.raises(DeclarationError, match=r"App\.replay"):
        Engine([GroupView.definition()]).replay(writer.database, letter)

    assert len(writer.dead_letters()) == 1


def test_a_duplicate_of_a_refused_event_does_not_ask_again(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    change_group("here")
    [created] = creations(writer)
    refused(app, recorder, writer)

    [outcome] = app.handle_change(writer.database, created)

    assert outcome.result is Result.COVERED
    assert recorder.sent == []
    assert len(writer.dead_letters()) == 1


def test_a_refused_message_does_not_hold_up_the_later_ones(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    change_group("one")
    refused(app, recorder, writer)
    change_group("two")

    app.handle_change(writer.database, creations(writer)[1])

    assert titles(recorder) == ["two"]
    assert [entry.refused for entry in entries(writer)] == [True]


def test_replays_of_one_document_send_what_was_refused_before_it_too(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    change_group("one", "two")
    recorder.faults = [MessageRefused("403")] * 2
    app.handle_change(writer.database, creations(writer)[1])
    letters = sorted(writer.dead_letters())
    assert len(letters) == 2

    for letter in reversed(letters):
        assert app.replay(letter.rpartition("/")[2], writer.database) is None

    assert titles(recorder) == ["one", "two"]
    assert (entries(writer), writer.dead_letters()) == ([], {})


def test_a_message_that_one_is_refused_and_another_gets_through_is_no_dead_letter(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    change_group("here")
    [created] = creations(writer)
    recorder.after = lambda message: refuse_elsewhere()

    def refuse_elsewhere() -> None:
        recorder.after = lambda message: None
        recorder.faults = [MessageRefused("403")]
        app.handle_change(writer.database, created)

    app.handle_change(writer.database, created)

    assert (entries(writer), writer.dead_letters()) == ([], {})


def test_a_sink_that_is_gone_is_a_dead_letter(
    app: App, recorder: Recorder, writer: Writer, change_group: Any, quick: RetryPolicy
) -> None:
    change_group("here")
    other = App([ViewMediator(GroupView, sends=[Recorder("new")])], retry=quick)

    [outcome] = deliver(other, writer)

    assert outcome.result is Result.DEAD_LETTER
    assert "no sink of this name any more (it has 'new'): declare it in `sends`" in outcome.error
    [path] = writer.dead_letters()
    assert app.replay(path.rpartition("/")[2], writer.database) is None
    assert titles(recorder) == ["here"]
    assert (entries(writer), writer.dead_letters()) == ([], {})


# Order


def test_an_event_sends_what_waits_before_it_first(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    change_group(*"abcdefghijklmnopqrstuvwxyz")  # more than are read at once
    events = creations(writer)

    app.handle_change(writer.database, events[-2])

    assert titles(recorder) == list("abcdefghijklmnopqrstuvwxy")
    assert all(one < next for one, next in pairwise(recorder.versions))
    assert len(entries(writer)) == 1


def test_what_cannot_be_sent_holds_up_what_comes_after_it(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    change_group("one", "two")
    recorder.faults = [TransientError("away")] * 3

    with pytest.raises(RetriesExhausted):
        app.handle_change(writer.database, creations(writer)[1])

    assert recorder.sent == []
    assert len(entries(writer)) == 2


def test_the_first_deliveries_are_in_order_whatever_the_order_of_events(
    app: App, recorder: Recorder, writer: Writer, change_group: Any
) -> None:
    change_group(*map(str, range(12)))
    events = creations(writer)
    shuffled = [events[(7 * number) % 12] for number in range(12)] * 2

    in_threads(8, lambda event: app.handle_change(writer.database, event), shuffled)

    firsts = list(dict.fromkeys(titles(recorder)))
    assert firsts == [str(number) for number in range(12)]
    assert entries(writer) == []


def test_documents_do_not_hold_up_each_other(app: App, recorder: Recorder, writer: Writer) -> None:
    for group in ("one", "two"):
        app.handle_change(writer.database, writer.write(f"groups/{group}", {"title": group}))
    recorder.faults = [TransientError("away")] * 3
    with pytest.raises(RetriesExhausted):
        app.handle_change(writer.database, creations(writer)[0])

    app.handle_change(writer.database, creations(writer)[1])

    assert titles(recorder) == ["two"]


# A long-lived process


def test_a_listener_sends_what_it_finds_and_what_comes(
    app: App,
    recorder: Recorder,
    writer: Writer,
    change_group: Any,
    monkeypatch: pytest.MonkeyPatch,
    eventually: Eventually,
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", writer.database.project)
    change_group("found")

    with Listener(app):
        eventually(lambda: titles(recorder) == ["found"])
        writer.write(GROUP, {"title": "came"})
        eventually(lambda: titles(recorder) == ["found", "came"])
        eventually(lambda: entries(writer) == [])


def test_a_listener_does_not_ask_again_about_what_was_refused(
    app: App,
    recorder: Recorder,
    writer: Writer,
    change_group: Any,
    monkeypatch: pytest.MonkeyPatch,
    eventually: Eventually,
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", writer.database.project)
    change_group("refused")
    refused(app, recorder, writer)

    with Listener(app):
        writer.write(GROUP, {"title": "came"})
        eventually(lambda: titles(recorder) == ["came"])

    assert [entry.refused for entry in entries(writer)] == [True]
