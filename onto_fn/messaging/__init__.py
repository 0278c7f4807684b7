"""Messages about changes of documents: where they are sent, and how they are received once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onto_fn.lazily import names_from

if TYPE_CHECKING:
    from onto_fn.events.message import Message
    from onto_fn.messaging.inbox import Inbox, Receipt
    from onto_fn.messaging.sinks import EndpointSink, TopicSink
else:
    __getattr__ = names_from(
        __name__,
        {
            "EndpointSink": "onto_fn.messaging.sinks",
            "Inbox": "onto_fn.messaging.inbox",
            "Message": "onto_fn.events.message",
            "Receipt": "onto_fn.messaging.inbox",
            "TopicSink": "onto_fn.messaging.sinks",
        },
    )

__all__ = [
    "EndpointSink",
    "Inbox",
    "Message",
    "Receipt",
    "TopicSink",
]
