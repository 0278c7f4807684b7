"""Messages about changes of documents: where they are sent, and how they are received once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onto_fn.lazily import names_from

if TYPE_CHECKING:
    from onto_fn.mediators.sinks import EndpointSink, TopicSink
    from onto_fn.messages.message import Message
    from onto_fn.receiving import Inbox, Receipt
else:
    __getattr__ = names_from(
        __name__,
        {
            "EndpointSink": "onto_fn.mediators.sinks",
            "Inbox": "onto_fn.receiving",
            "Message": "onto_fn.messages.message",
            "Receipt": "onto_fn.receiving",
            "TopicSink": "onto_fn.mediators.sinks",
        },
    )

__all__ = [
    "EndpointSink",
    "Inbox",
    "Message",
    "Receipt",
    "TopicSink",
]
