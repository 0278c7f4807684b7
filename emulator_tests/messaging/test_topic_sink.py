"""`TopicSink` and the real Pub/Sub emulator."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import AlreadyExists
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from emulator_tests.kit.domain import GroupView
from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.sending import creations, deliver, entries
from emulator_tests.kit.writing import Writer, in_threads
from onto_fn import App, RetryPolicy, ViewMediator
from onto_fn.editing import Write
from onto_fn.errors import RetriesExhausted
from onto_fn.messaging import Inbox, Message, TopicSink, sinks
from onto_fn.observability import Result
from onto_fn.testing import EmulatorSuite
from onto_fn.testing.emulators.config import free_ports
from onto_fn.testing.eventually import Eventually

ROOT = Path(__file__).resolve().parents[2]
GROUP, VIEW = "groups/g", "groupViews/g"


class Died(BaseException):
    """The process ends here."""


def die() -> None:
    raise Died


@pytest.fixture(scope="session")
def pubsub_emulator(tmp_path_factory: pytest.TempPathFactory) -> Generator[EmulatorSuite]:
    with EmulatorSuite(ROOT, only=("pubsub",), log_dir=tmp_path_factory.mktemp("pubsub")) as suite:
        yield suite


class Topic:
    """The topic `changes` of one project, and a subscription on it with message ordering."""

    def __init__(self, host: str, project: str) -> None:
        channel = grpc.insecure_channel(host)
        self._publisher: Any = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        self._subscriber: Any = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        self.name = f"projects/{project}/topics/changes"
        self._subscription = f"projects/{project}/subscriptions/receiver"
        self.pulled: list[Any] = []

    def create(self) -> None:
        self._publisher.create_topic(name=self.name)
        self._subscriber.create_subscription(
            request={
                "name": self._subscription,
                "topic": self.name,
                "enable_message_ordering": True,
            }
        )

    def pull(self, count: int) -> list[Any]:
        """All that has come, once it is as many as that."""
        answer = self._subscriber.pull(
            request={"subscription": self._subscription, "max_messages": 100}, timeout=20
        )
        if answer.received_messages:
            self._subscriber.acknowledge(
                subscription=self._subscription,
                ack_ids=[m.ack_id for m in answer.received_messages],
            )
        self.pulled += [received.message for received in answer.received_messages]
        assert len(self.pulled) >= count
        return self.pulled


@pytest.fixture
def topic(pubsub_emulator: EmulatorSuite, project: str, monkeypatch: pytest.MonkeyPatch) -> Topic:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub_emulator.pubsub_host)
    return Topic(pubsub_emulator.pubsub_host, project)


@pytest.fixture
def received(topic: Topic, eventually: Eventually) -> Callable[[int], list[Message]]:
    """What the subscription of the topic gets."""
    topic.create()

    def pull(count: int) -> list[Message]:
        pulled = eventually(lambda: topic.pull(count))
        return [Message.from_pubsub(dict(m.attributes), m.data) for m in pulled]

    return pull


@pytest.fixture
def app(quick: RetryPolicy) -> App:
    return App([ViewMediator(GroupView, sends=[TopicSink("changes")])], retry=quick)


def change_group(app: App, writer: Writer, *titles: str | None) -> None:
    for title in titles:
        change = writer.write(GROUP, None if title is None else {"title": title})
        app.handle_change(writer.database, change)


Received = Callable[[int], list[Message]]


def test_a_message_is_a_cloudevent_with_an_ordering_key(
    app: App, writer: Writer, received: Received, topic: Topic
) -> None:
    change_group(app, writer, "here")
    [entry] = entries(writer)

    [outcome] = deliver(app, writer)

    [message] = received(1)
    [raw] = topic.pulled
    assert outcome.result is Result.SENT
    assert (message.id, message.subject, message.version) == (entry.id, VIEW, entry.version)
    assert message.data == {"title": "here", "names": [], "towns": []}
    assert raw.ordering_key == raw.attributes["ce-partitionkey"] == VIEW
    assert raw.attributes["ce-sequence"] == str(entry.version)
    assert raw.attributes["content-type"] == "application/json"
    assert entries(writer) == []


def test_versions_of_a_document_arrive_in_order(
    app: App, writer: Writer, received: Received
) -> None:
    change_group(app, writer, "one", "two", "three", None)
    events = creations(writer)

    for event in [events[2], events[0], events[3], events[1]]:
        app.handle_change(writer.database, event)

    messages = received(4)
    assert [(m.data or {}).get("title") for m in messages] == ["one", "two", "three", None]
    assert messages[3].type == "fn.onto.document.deleted"
    assert [m.version for m in messages] == sorted(m.version for m in messages)


def test_a_crash_after_publishing_repeats_the_message_and_its_receiver_applies_it_once(
    app: App, writer: Writer, received: Received, interleaved: Interleaved
) -> None:
    change_group(app, writer, "here")
    [created] = creations(writer)
    interleaved.once(Point.COMMITTING, die)
    with pytest.raises(Died):
        app.handle_change(interleaved, created)
    app.handle_change(interleaved, created)

    messages = received(2)
    inbox = Inbox(writer.database, "receiver")
    count = [Write("counts/all", None, increments={("n",): 1})]
    in_threads(16, lambda message: inbox.process(message, lambda _: count), messages * 8)

    assert len(messages) == 2
    assert messages[0] == messages[1]
    assert writer.content("counts/all") == {"n": 1}


def test_a_broker_that_is_down_is_raised_and_gets_the_message_later(
    app: App, writer: Writer, received: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_group(app, writer, "here")
    with monkeypatch.context() as down:
        down.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{free_ports(1)[0]}")
        with pytest.raises(RetriesExhausted, match=f"{VIEW} to 'changes'.*ServiceUnavailable"):
            deliver(app, writer)
    assert len(entries(writer)) == 1
    assert writer.dead_letters() == {}

    deliver(app, writer)

    [message] = received(1)
    assert message.data["title"] == "here"
    assert entries(writer) == []


def test_on_the_emulator_a_topic_that_does_not_exist_is_made_for_its_first_message(
    app: App, writer: Writer, topic: Topic
) -> None:
    change_group(app, writer, "here", "there")

    outcomes = deliver(app, writer)

    assert {outcome.result for outcome in outcomes} == {Result.SENT}
    assert (entries(writer), writer.dead_letters()) == ([], {})
    with pytest.raises(AlreadyExists):
        topic.create()


def test_a_topic_that_does_not_exist_is_a_dead_letter_that_a_replay_resolves_once_it_does(
    app: App,
    writer: Writer,
    topic: Topic,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sinks, "_made_on_emulator", lambda *_: False)  # as at Google
    change_group(app, writer, "here")

    [outcome] = deliver(app, writer)

    assert outcome.result is Result.DEAD_LETTER
    assert f"{topic.name} does not exist: create the topic" in outcome.error
    [letter] = writer.dead_letters()
    received: Received = request.getfixturevalue("received")
    assert app.replay(letter.rpartition("/")[2], writer.database) is None
    [message] = received(1)
    assert message.data["title"] == "here"
    assert (entries(writer), writer.dead_letters()) == ([], {})


def test_a_message_about_a_path_that_is_longer_than_an_attribute_arrives(
    app: App, writer: Writer, received: Received, topic: Topic
) -> None:
    identifier = "é" * 600
    app.handle_change(writer.database, writer.write(f"groups/{identifier}", {"title": "long"}))

    [outcome] = deliver(app, writer)

    [message] = received(1)
    assert outcome.result is Result.SENT
    assert (message.subject, message.data["title"]) == (f"groupViews/{identifier}", "long")
    [raw] = topic.pulled
    assert max(len(value.encode()) for value in raw.attributes.values()) <= 1024
    assert len(raw.ordering_key.encode()) <= 1024


def test_without_its_emulator_a_topic_is_a_dead_letter_that_names_the_variable(
    app: App, writer: Writer, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST")
    change_group(app, writer, "here")

    [outcome] = deliver(app, writer)

    assert outcome.result is Result.DEAD_LETTER
    assert "PUBSUB_EMULATOR_HOST is not set" in outcome.error
    assert len(entries(writer)) == 1
