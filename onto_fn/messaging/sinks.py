"""Sinks that send: a Pub/Sub topic, an HTTP endpoint, or anything else that has `name` and `send`.

A sink only sends one message once. `onto_fn.messaging.courier` decides when, and retries.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable
from urllib.parse import urlsplit

from onto_fn.emulators import emulator_of
from onto_fn.errors import DeclarationError, MessageRefused, TransientError
from onto_fn.events.message import Message
from onto_fn.events.topic_names import TOPIC_RULE, is_topic
from onto_fn.firestore.paths import is_text
from onto_fn.views import Mode

if TYPE_CHECKING:
    import requests

_TRANSIENT_STATUS = {408, 425, 429}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
MAX_NAME = 1024
"""Bytes of a sink's name, which is stored with each message."""
_SHOWN = 200  # characters of an answer that an error repeats
_local = threading.local()  # requests does not promise that threads can share a session


@runtime_checkable
class Sink(Protocol):
    """Sends messages. Two sinks with one name must be equal."""

    @property
    def name(self) -> str:
        """Part of the messages' ids; it identifies the sink in the outbox."""
        ...

    def send(self, message: Message, project: str) -> None:
        """Send one message, and return when the receiver has stored it.

        Args:
            message: the message.
            project: id of the project of the database where the document changed.

        Raises:
            TransientError: it may succeed later.
            PermanentError: it will fail until something is fixed; the message says what.
        """
        ...


@dataclass(frozen=True)
class TopicSink:
    """A Pub/Sub topic. It must exist; on the emulator, a missing topic is created.

    Messages are in the binary mode of the CloudEvents binding, with an ordering key: a subscription
    with message ordering gets one document's messages in the order of their versions.

    Args:
        topic: id of a topic in the project of the database, or `projects/…/topics/…`.
        timeout: seconds that one attempt may take.
        name: identifies this sink in the outbox; by default the topic.

    Example:
        >>> TopicSink("meeting-sessions").name
        'meeting-sessions'

    Raises:
        DeclarationError: it is not the id or the full name of a topic.
    """

    topic: str
    timeout: float = 10.0
    name: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.topic, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DeclarationError(f"TopicSink needs the id of a topic as text, got {self.topic!r}")
        parts = self.topic.split("/")
        is_full = len(parts) == 4 and (parts[0], parts[2]) == ("projects", "topics") and parts[1]
        if not (is_full or len(parts) == 1) or not is_topic(parts[-1]):
            raise DeclarationError(
                f"TopicSink({self.topic!r}) needs the id of a topic or 'projects/…/topics/…'. "
                f"{TOPIC_RULE}"
            )
        _check_timeout(self.timeout, "TopicSink")
        if not self.name:
            object.__setattr__(self, "name", self.topic)

    def send(self, message: Message, project: str) -> None:
        """Publish one message, and wait until Pub/Sub has stored it; see `Sink.send`."""
        from google.api_core import exceptions as google

        topic = self.topic if "/" in self.topic else f"projects/{project}/topics/{self.topic}"
        attributes, data = message.for_pubsub()
        content = {"data": data, "attributes": attributes, "ordering_key": message.key}
        publisher = publisher_of(project)
        request = {"topic": topic, "messages": [content]}
        try:
            try:
                publisher.publish(request=request, retry=None, timeout=self.timeout)
            except google.NotFound:
                if not _made_on_emulator(topic, project, self.timeout):
                    raise
                publisher.publish(request=request, retry=None, timeout=self.timeout)
        except (google.ServerError, google.TooManyRequests, google.Cancelled, google.Aborted) as e:
            raise TransientError(f"{topic}: {type(e).__name__}: {e}") from e
        except google.NotFound as error:
            raise MessageRefused(f"{topic} does not exist: create the topic") from error
        except google.Forbidden as error:
            raise MessageRefused(
                f"{topic} may not be published to: give the functions' service account the role "
                f"roles/pubsub.publisher ({error.message})"
            ) from error
        except google.ClientError as error:
            raise MessageRefused(
                f"Pub/Sub refuses the message to {topic}: {error.message}"
            ) from error


@dataclass(frozen=True)
class EndpointSink:
    """An HTTP endpoint that gets each message by POST.

    Messages are in the binary mode of the CloudEvents binding, with the message's id as
    `Idempotency-Key`. Any 2xx is a confirmation. 5xx, 408, 425, 429 and a missing answer are
    retried; every other answer, including redirects, is a refusal.

    Args:
        url: `https://…` (or `http://…`).
        authenticate: returns headers to add, such as `Authorization`; called for each delivery.
        timeout: seconds without an answer after which an attempt has failed.
        name: identifies this sink in the outbox; by default the URL without its query. It is stored
            and logged, so it must not contain secrets.

    Example:
        >>> EndpointSink("https://example.com/hooks/sessions?key=secret").name
        'https://example.com/hooks/sessions'

    Raises:
        DeclarationError: the URL is not one.
    """

    url: str = field(repr=False)
    authenticate: Callable[[], Mapping[str, str]] | None = None
    timeout: float = 10.0
    name: str = ""

    def __post_init__(self) -> None:
        try:
            if _CONTROL.search(self.url):  # urlsplit would leave some of these out
                raise ValueError("it has a control character")
            parts = urlsplit(self.url)
            port, host = parts.port, parts.hostname
        except (AttributeError, TypeError, ValueError) as error:  # no text, or no such port
            raise DeclarationError(
                f"EndpointSink needs a URL, https://…, got {self.url!r} ({error})"
            ) from error
        if parts.scheme not in {"http", "https"} or not host or " " in host:
            raise DeclarationError(f"EndpointSink needs a URL, https://…, got {self.url!r}")
        if self.authenticate is not None and not callable(self.authenticate):
            raise DeclarationError(
                "EndpointSink(authenticate=…) takes a function that returns headers, got "
                f"{type(self.authenticate).__name__}"
            )
        _check_timeout(self.timeout, "EndpointSink")
        if not self.name:
            number = f":{port}" if port else ""
            object.__setattr__(self, "name", f"{parts.scheme}://{host}{number}{parts.path}")

    def send(self, message: Message, project: str) -> None:
        """Post one message, and wait for the answer; see `Sink.send`."""
        import requests

        headers, body = message.for_http()
        headers = {**(self.authenticate() if self.authenticate else {}), **headers}
        try:
            # Streamed, as nobody needs the body of an answer, however long it is.
            with _session().post(
                self.url,
                data=body,
                headers=headers,
                timeout=self.timeout,
                allow_redirects=False,
                stream=True,
            ) as answer:
                status, reason = answer.status_code, (answer.reason or "")[:_SHOWN]
        except (requests.ConnectionError, requests.Timeout) as error:
            # Its text has the whole URL.
            raise TransientError(f"{self.name} does not answer: {type(error).__name__}") from error
        except requests.RequestException as error:
            raise MessageRefused(
                f"{self.name} cannot be called ({type(error).__name__}): fix `url` or "
                "`authenticate` of the EndpointSink"
            ) from error
        if 200 <= status < 300:
            return
        if status >= 500 or status in _TRANSIENT_STATUS:
            raise TransientError(f"{self.name} answers {status} {reason}")
        raise MessageRefused(
            f"{self.name} refuses the message with {status} {reason}: fix the receiver, or `url` "
            "and `authenticate` of the EndpointSink"
        )


def _check_timeout(timeout: float, owner: str) -> None:
    """A wait of nothing ends each attempt at once, for as long as there are events."""
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DeclarationError(f"{owner}(timeout=…) takes seconds, more than 0, got {timeout!r}")


def sink_names(sends: Sequence[Sink], *, mode: Mode, owner: str) -> tuple[str, ...]:
    """The names of a mediator's sinks.

    Args:
        sends: what the mediator declares.
        mode: of the mediator.
        owner: the mediator, for errors.

    Raises:
        DeclarationError: one is not a sink, two have the same name, or the mode has no ledger.
    """
    if sends and mode != "materialise":
        raise DeclarationError(
            f"{owner} is in mode {mode!r}, which has no ledger, so a message could not be sent "
            "exactly once; remove `sends`, or use the default mode"
        )
    if not isinstance(sends, Sequence):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DeclarationError(f"`sends` of {owner} takes a list of sinks, got {sends!r}")
    for sink in sends:
        if not isinstance(sink, Sink):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DeclarationError(
                f"`sends` of {owner} has {sink!r}; it takes TopicSink(…), EndpointSink(…), or an "
                "object with `name` and `send`"
            )
    names = tuple(sink.name for sink in sends)
    for name in names:
        if not isinstance(name, str) or not is_text(name, MAX_NAME):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DeclarationError(
                f"`sends` of {owner} has a sink named {name!r:.100}; a name is text of at most "
                f"{MAX_NAME} bytes: give one, `name=…`"
            )
    if len(set(names)) < len(names) or "" in names:
        raise DeclarationError(
            f"`sends` of {owner} has the names {', '.join(map(repr, names))}; each sink needs its "
            "own name: set `name=…`"
        )
    return names


def sinks_by_name(sends: Sequence[Sink]) -> dict[str, Sink]:
    """All sinks of an app.

    Raises:
        DeclarationError: two that differ have the same name.
    """
    sinks: dict[str, Sink] = {}
    for sink in sends:
        if sinks.setdefault(sink.name, sink) != sink:
            raise DeclarationError(
                f"two different sinks are named {sink.name!r}; set `name=…` of one of them"
            )
    return sinks


def _made_on_emulator(topic: str, project: str, timeout: float) -> bool:
    """Create a missing topic if Pub/Sub is an emulator: nothing else creates it there."""
    if emulator_of("pubsub", project) is None:
        return False
    from google.api_core.exceptions import AlreadyExists

    with suppress(AlreadyExists):
        publisher_of(project).create_topic(request={"name": topic}, retry=None, timeout=timeout)
    return True


def publisher_of(project: str) -> Any:
    """Google's client of Pub/Sub, or of its emulator.

    Raises:
        EmulatorMissing: the project is emulated and Pub/Sub is not, or the other way round.
    """
    return _publisher(emulator_of("pubsub", project))


@cache
def _publisher(emulator: str | None) -> Any:
    """The process's one publisher. The import is here as most functions never publish."""
    import grpc
    from google.pubsub_v1.services.publisher import PublisherClient
    from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

    # The generated client carries incomplete types.
    client = cast(Any, PublisherClient)
    if emulator is None:
        return client()
    channel = cast(Any, grpc).insecure_channel(emulator)
    return client(transport=cast(Any, PublisherGrpcTransport)(channel=channel))


def _session() -> requests.Session:
    """This thread's session, which keeps connections open between messages."""
    import requests

    if not hasattr(_local, "session"):
        _local.session = requests.Session()
    return _local.session
