"""Messages about changes of documents, as CloudEvents."""

from onto_fn.messages.message import DELETED, VERSION_DIGITS, WRITTEN, Message

__all__ = ["DELETED", "VERSION_DIGITS", "WRITTEN", "Message"]
