"""The Pub/Sub side of fan-out: publishing batches, and the function that rebuilds them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import chain
from threading import Lock
from typing import Any, cast

from onto_fn.emulators import emulator_of
from onto_fn.engine.materialise.fan_out import Batch, FanOut
from onto_fn.errors import TransientError, UndecodableEvent
from onto_fn.events.change import CloudEvent
from onto_fn.firestore import Database
from onto_fn.functions.endpoints import FunctionOptions
from onto_fn.observability.trace_context import traced

NAME = "onto_fan_out"
PUBLISHED = "google.cloud.pubsub.topic.v1.messagePublished"
CONFIRMATION_SECONDS = 60.0


class Publisher:
    """Publishes batches to one topic. Thread-safe; its client is made when it is first used.

    Args:
        topic: the topic's id.
    """

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._client: Any = None
        self._lock = Lock()

    def publish(self, database: Database, batches: Iterable[Batch]) -> None:
        """Publish batches, and return when the broker has confirmed them all.

        Raises:
            TransientError: some may not have been published.
            EmulatorMissing: the database is emulated and Pub/Sub is not, or the other way round.
        """
        waiting = iter(batches)
        first = next(waiting, None)
        if first is None:  # most changes affect few documents: no client is made for them
            return
        emulator_of("pubsub", database.project)
        client = self._connected()
        topic = client.topic_path(database.project, self._topic)
        try:
            confirmations = [
                client.publish(
                    topic, batch.to_json(), project=database.project, database=database.database
                )
                for batch in chain([first], waiting)
            ]
            for confirmation in confirmations:
                confirmation.result(timeout=CONFIRMATION_SECONDS)
        except TransientError:  # of the look-up that the batches come from
            raise
        except Exception as error:  # the client has many; all are the platform's
            raise TransientError(f"publishing to {topic} failed: {error!r}") from error

    def _connected(self) -> Any:
        # Imported here, as most functions never fan out and it is slow to import.
        from google.cloud.pubsub_v1 import (  # pyright: ignore[reportMissingTypeStubs]
            PublisherClient,
        )

        with self._lock:
            if self._client is None:
                self._client = PublisherClient()
            return self._client


def fan_out_function(
    handle: Callable[[CloudEvent], object], fan_out: FanOut, options: FunctionOptions
) -> Callable[[Any], None]:
    """The function that is called with each batch; a failed one is delivered again (G5).

    By default an instance rebuilds one batch at a time. A batch is bound by the CPU: several at
    once would take as long, need the memory of all, and be lost together.

    Args:
        handle: handles the Pub/Sub event of a batch, see `App.handle_batch_event`.
        fan_out: names the topic.
        options: how the function runs.
    """
    if options.concurrency is None:
        options = replace(options, concurrency=1)

    def onto_fan_out(event: Any) -> None:
        with traced(event):
            handle(event)

    trigger = {"eventType": PUBLISHED, "retry": True, "eventFilters": {"topic": fan_out.topic}}
    onto_fan_out.__dict__["__firebase_endpoint__"] = options.endpoint(NAME, event=trigger)
    onto_fan_out.__doc__ = "Rebuilds one batch of the documents that a change affects."
    return onto_fan_out


def decode_batch(event: CloudEvent) -> tuple[Batch, str | None, str | None]:
    """The batch in a Pub/Sub event, its project and its database.

    Raises:
        UndecodableEvent: it is not a batch.
    """
    data = event.get_data()
    try:
        message = cast("Mapping[str, Any]", data)["message"]
        attributes: Mapping[str, str] = message.get("attributes") or {}
        batch = Batch.from_json(base64.b64decode(message["data"], validate=True))
    except (KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise UndecodableEvent(
            f"event {event.get('id')!r} is not a Pub/Sub message of a batch: {error!r}"
        ) from error
    return batch, attributes.get("project"), attributes.get("database")
