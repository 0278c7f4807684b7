"""Outgoing messages of deployed functions: from a write to Pub/Sub, through the emulators."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import DeadlineExceeded
from google.pubsub_v1 import SubscriberClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from onto_fn.messaging import Message
from onto_fn.testing import EmulatorSuite
from onto_fn.testing.eventually import Eventually

MAIN = """\
from onto_fn import App, DomainModel, Store, ViewMediator, ViewModel, root
from onto_fn.messaging import TopicSink


class Meeting(DomainModel, collection="meetings"):
    title: str


class MeetingStore(Store):
    meeting = root(Meeting)


class Session(ViewModel[MeetingStore], path="sessions/{meeting_id}"):
    @property
    def title(self) -> str:
        return self.store.meeting.title


App([ViewMediator(Session, sends=[TopicSink("meeting-sessions")])]).export(globals())
"""


@pytest.fixture
def suite(make_project: Callable[[str], Path]) -> Generator[EmulatorSuite]:
    with EmulatorSuite(make_project(MAIN), only=("firestore", "functions", "pubsub")) as suite:
        yield suite


@pytest.fixture
def pull(suite: EmulatorSuite) -> Callable[[], list[Message]]:
    """What the topic, which the suite has made, has got since the last call."""
    channel = grpc.insecure_channel(suite.pubsub_host)
    subscriber: Any = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
    topic = f"projects/{suite.project_id}/topics/meeting-sessions"
    subscription = f"projects/{suite.project_id}/subscriptions/receiver"
    subscriber.create_subscription(name=subscription, topic=topic)

    def pull() -> list[Message]:
        try:
            answer = subscriber.pull(subscription=subscription, max_messages=10, timeout=20)
        except DeadlineExceeded:  # nothing has come
            return []
        found = answer.received_messages
        if found:
            ids = [one.ack_id for one in found]
            subscriber.acknowledge(subscription=subscription, ack_ids=ids)
        return [Message.from_pubsub(dict(m.message.attributes), m.message.data) for m in found]

    return pull


def test_each_change_of_a_view_reaches_the_topic(
    suite: EmulatorSuite, pull: Callable[[], list[Message]], eventually: Eventually
) -> None:
    client = suite.client()
    meeting = client.document("meetings/m")
    got: list[Message] = []

    def has_come(*titles: str | None) -> None:
        got.extend(pull())
        assert [(message.data or {}).get("title") for message in got] == list(titles)

    meeting.set({"title": "one"})
    eventually(partial(has_come, "one"))
    meeting.set({"title": "two"})
    eventually(partial(has_come, "one", "two"))
    meeting.delete()
    eventually(partial(has_come, "one", "two", None))

    assert {message.subject for message in got} == {"sessions/m"}
    assert len({message.id for message in got}) == 3
    eventually(lambda: list(client.collection("onto_outbox").stream()) == [])
    assert list(client.collection("onto_dead_letters").stream()) == []
