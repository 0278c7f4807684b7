"""`MessageRecorder`: runs a Pub/Sub emulator and records the messages of an app's topics."""

from __future__ import annotations

import base64
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from typing_extensions import override

from onto_fn.testing.chaos.events import RecordedEvent
from onto_fn.testing.emulators.service import Service, environment
from onto_fn.testing.emulators.suite import EmulatorSuite

__all__ = ["MessageRecorder"]

_PUBLISHED = "google.cloud.pubsub.topic.v1.messagePublished"


class MessageRecorder(Service):
    """Runs a Pub/Sub emulator, records its messages, and passes them on as CloudEvents.

    Args:
        project_dir: folder with firebase-tools.
        log_dir: folder for the emulator's log.
        project_id: a project id that begins with `demo-`.
        topics: the topic of each trigger.

    Attributes:
        events: all messages in the order of their arrival.
    """

    def __init__(
        self, project_dir: Path, log_dir: Path, *, project_id: str, topics: Mapping[str, str]
    ) -> None:
        self.events: list[RecordedEvent] = []
        self._suite = EmulatorSuite(
            project_dir, only=("pubsub",), project_id=project_id, log_dir=log_dir / "pubsub"
        )
        self._topics = dict(topics)
        self._subscribers: list[Callable[[RecordedEvent], None]] = []
        self._numbers: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._pulls: list[Any] = []
        self._client: Any = None

    @override
    def start(self) -> Self:
        """Start the emulator, and create the topics with a subscription each."""
        from google.cloud.pubsub_v1 import (  # pyright: ignore[reportMissingTypeStubs]
            PublisherClient,
            SubscriberClient,
        )

        self._suite.start()
        project = self._suite.project_id
        try:
            with environment(PUBSUB_EMULATOR_HOST=self.pubsub_host):
                publisher: Any = PublisherClient()
                self._client = SubscriberClient()
            for trigger, name in self._topics.items():
                topic = publisher.topic_path(project, name)
                subscription = self._client.subscription_path(project, f"{name}-recorded")
                publisher.create_topic(request={"name": topic})
                self._client.create_subscription(
                    request={"name": subscription, "topic": topic, "ack_deadline_seconds": 60}
                )
                self._pulls.append(self._client.subscribe(subscription, self._taker(trigger)))
        except BaseException:
            self.stop()
            raise
        return self

    @override
    def stop(self) -> None:
        """Stop the emulator. May be called again."""
        pulls, self._pulls = self._pulls, []
        for pull in pulls:
            pull.cancel()
        client, self._client = self._client, None
        if client is not None:
            client.close()
        self._suite.stop()

    @property
    def pubsub_host(self) -> str:
        """The emulator's address, as "127.0.0.1:port"."""
        return self._suite.pubsub_host

    def subscribe(self, subscriber: Callable[[RecordedEvent], None]) -> None:
        """Call `subscriber`, from any thread, with each message from now on."""
        with self._lock:
            self._subscribers.append(subscriber)

    def _taker(self, trigger: str) -> Callable[[Any], None]:
        def take(message: Any) -> None:
            self._take(trigger, message)
            message.ack()  # it is recorded, and the deliverer redelivers it if necessary

        return take

    def _take(self, trigger: str, message: Any) -> None:
        body = {
            "message": {
                "data": base64.b64encode(message.data).decode(),
                "attributes": dict(message.attributes),
                "messageId": message.message_id,
                "publishTime": message.publish_time.isoformat(),
            },
            "subscription": f"{self._topics[trigger]}-recorded",
        }
        headers = {
            "ce-id": message.message_id,
            "ce-type": _PUBLISHED,
            "ce-source": f"//pubsub.googleapis.com/{self._topics[trigger]}",
            "ce-specversion": "1.0",
            "ce-time": message.publish_time.isoformat(),
            "content-type": "application/json",
        }
        with self._lock:
            number = self._numbers[trigger]
            self._numbers[trigger] += 1
            event = RecordedEvent(
                trigger, "", headers, json.dumps(body).encode(), number, droppable=False
            )
            self.events.append(event)
            subscribers = list(self._subscribers)
        for subscriber in subscribers:
            subscriber(event)
