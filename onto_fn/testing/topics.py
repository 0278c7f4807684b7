"""Create the topics of an app on the Pub/Sub emulator, and read their messages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from onto_fn.events.message import Message
from onto_fn.testing.emulators.config import function_folders, read_config
from onto_fn.testing.emulators.process import EmulatorError

__all__ = ["Topics", "create_topics", "declared_topics", "full_name"]

_NOT_CODE = {"venv", "node_modules", "__pycache__"}
_PULL_SECONDS = 5.0


def create_topics(host: str, project: str, topics: Iterable[str]) -> list[str]:
    """Create the topics that do not exist yet on a Pub/Sub emulator.

    Args:
        host: address of the emulator, "127.0.0.1:port".
        project: id of the project, for topics without one.
        topics: ids, or full names, `projects/…/topics/…`.

    Returns:
        The full names of the created topics.
    """
    names = list(dict.fromkeys(full_name(topic, project) for topic in topics))
    if not names:
        return []
    from google.api_core.exceptions import AlreadyExists

    publisher, _ = _clients(host)
    made: list[str] = []
    for name in names:
        try:
            publisher.create_topic(name=name)
        except AlreadyExists:
            continue
        made.append(name)
    return made


def declared_topics(
    project_dir: Path, variables: Mapping[str, str] | None = None, deadline: float = 120.0
) -> list[str]:
    """Find the topics of the apps in a project's functions; see `onto_fn.functions.topics`.

    A separate process in the functions' environment loads each app, as the emulator does. So this
    process imports nothing of the app.

    Args:
        project_dir: the folder that contains `firebase.json`.
        variables: the environment variables that lead clients to the emulators.
        deadline: maximum number of seconds to load one app.

    Raises:
        EmulatorError: an app cannot be loaded; the message contains its error.
    """
    topics: list[str] = []
    for source in function_folders(read_config(project_dir)):
        folder = project_dir / source
        if (folder / "main.py").is_file() and _names_topics(folder):
            topics += _topics_in(folder, variables or {}, deadline)
    return list(dict.fromkeys(topics))


def _names_topics(folder: Path) -> bool:
    """Whether some code in a folder names a `TopicSink`. Without one, no process is needed."""
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _NOT_CODE and name[0] != "."]
        for name in files:
            if name.endswith(".py") and "TopicSink" in (Path(parent) / name).read_text(
                "utf-8", "replace"
            ):
                return True
    return False


def _topics_in(folder: Path, variables: Mapping[str, str], deadline: float) -> list[str]:
    own = folder / "venv" / "bin" / "python"
    pythons = [str(own), sys.executable] if own.exists() else [sys.executable]
    # The emulator watches the folder and would take compiled files for an edit.
    environ = {**os.environ, **variables, "PYTHONDONTWRITEBYTECODE": "1"}
    problems: list[str] = []
    for python in pythons:  # the first may have an older version of this library
        try:
            ended = subprocess.run(
                [python, "-c", _PRINT_TOPICS],
                cwd=folder,
                env=environ,
                capture_output=True,
                text=True,
                timeout=deadline,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            problems.append(str(error))
            continue
        if ended.returncode == 0:
            return json.loads(ended.stdout.splitlines()[-1])
        problems.append((ended.stderr.strip().splitlines() or ["unknown error"])[-1])
    raise EmulatorError(
        f"the topics of {folder / 'main.py'} are unknown because it cannot be loaded: {problems[0]}"
    )


_PRINT_TOPICS = """
import json, sys
sys.path.insert(0, "")
import main
from onto_fn.functions import App, app_of
from onto_fn.functions.topics import topics_of
apps = [v if isinstance(v, App) else app_of(v) for v in vars(main).values()]
print()
print(json.dumps([topic for app in apps if app is not None for topic in topics_of(app)]))
"""


class Topics:
    """Topics on a Pub/Sub emulator, and the messages published since this object was created.

    Args:
        host: address of the emulator, "127.0.0.1:port".
        project: id of the project.
        topics: ids or full names of the topics; they are created if they do not exist.
        receiver: id for the subscriptions, one per topic; use a new id for each test.
    """

    def __init__(self, host: str, project: str, topics: Sequence[str], receiver: str) -> None:
        self._host = host
        self._project = project
        self._receiver = receiver
        self._subscriptions: dict[str, str] = {}
        self._received: dict[str, list[Message]] = {}
        for topic in topics:
            self.create(topic)

    @cached_property
    def _subscriber(self) -> Any:
        return _clients(self._host)[1]

    def create(self, topic: str) -> None:
        """Create one more topic, unless it exists, and receive its messages from now on.

        Args:
            topic: id or full name.
        """
        name = full_name(topic, self._project)
        if name in self._subscriptions:
            return
        create_topics(self._host, self._project, [topic])
        subscription = f"projects/{self._project}/subscriptions/{self._receiver}-{len(self.names)}"
        self._subscriber.create_subscription(
            request={"name": subscription, "topic": name, "enable_message_ordering": True}
        )
        self._subscriptions[name] = subscription
        self._received[name] = []

    @property
    def names(self) -> list[str]:
        """The full names of the topics."""
        return list(self._subscriptions)

    def messages(
        self,
        topic: str,
        count: int = 1,
        *,
        subject: str | None = None,
        deadline: float = 20.0,
    ) -> list[Message]:
        """Wait for a number of messages, and return all messages so far, in their order.

        Pub/Sub may redeliver a message; the result has each message once.

        Args:
            topic: id or full name.
            count: the number of messages to wait for.
            subject: path of a document; only messages about it count. Without it, messages about
                documents of an earlier test may count too.
            deadline: maximum number of seconds to wait.

        Raises:
            KeyError: no sink publishes to this topic, and `create` was not called for it.
            AssertionError: there are fewer messages at the deadline; the error shows them.
        """
        name = full_name(topic, self._project)
        if name not in self._subscriptions:
            raise KeyError(f"no TopicSink publishes to {topic!r}; there is {self.names}")
        until = time.monotonic() + deadline
        while True:
            found = [m for m in self._received[name] if subject in {None, m.subject}]
            if len(found) >= count:
                return found
            left = until - time.monotonic()
            if left <= 0:
                about = f" about {subject}" if subject else ""
                shown = ", ".join(f"{m.subject} {m.body.decode()}" for m in self._received[name])
                raise AssertionError(
                    f"{len(found)} of {count} messages{about} on {topic} after {deadline:g} s; "
                    f"received: {shown or 'none'}"
                )
            self._pull(name, min(left, _PULL_SECONDS))

    def close(self) -> None:
        """Delete the subscriptions; the topics stay."""
        for subscription in self._subscriptions.values():
            self._subscriber.delete_subscription(subscription=subscription)
        self._subscriptions.clear()

    def _pull(self, name: str, seconds: float) -> None:
        from google.api_core.exceptions import DeadlineExceeded

        subscription, received = self._subscriptions[name], self._received[name]
        try:
            answer = self._subscriber.pull(
                request={"subscription": subscription, "max_messages": 100}, timeout=seconds
            )
        except DeadlineExceeded:  # nothing has come
            return
        found: list[Any] = list(answer.received_messages)
        if not found:
            return
        known = {message.id for message in received}
        for one in found:
            message = Message.from_pubsub(dict(one.message.attributes), one.message.data)
            if message.id not in known:
                known.add(message.id)
                received.append(message)
        self._subscriber.acknowledge(
            subscription=subscription, ack_ids=[one.ack_id for one in found]
        )


def full_name(topic: str, project: str) -> str:
    """The full name `projects/…/topics/…` of a topic, from its id or full name."""
    return topic if "/" in topic else f"projects/{project}/topics/{topic}"


def _clients(host: str) -> tuple[Any, Any]:
    """A publisher client and a subscriber client of an emulator."""
    import grpc
    from google.pubsub_v1 import PublisherClient, SubscriberClient
    from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
    from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

    # The generated clients carry incomplete types.
    channel = cast(Any, grpc).insecure_channel(host)
    publisher = cast(Any, PublisherClient)(
        transport=cast(Any, PublisherGrpcTransport)(channel=channel)
    )
    subscriber = cast(Any, SubscriberClient)(
        transport=cast(Any, SubscriberGrpcTransport)(channel=channel)
    )
    return publisher, subscriber
