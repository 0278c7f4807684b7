"""Messages about changes of documents, as CloudEvents."""

from onto_fn.messages.message import DELETED, VERSION_DIGITS, WRITTEN, Message
from onto_fn.messages.topics import TOPIC_RULE, is_topic

__all__ = ["DELETED", "TOPIC_RULE", "VERSION_DIGITS", "WRITTEN", "Message", "is_topic"]
