"""The state that a read requests: an instant, a transaction, or the latest."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from onto_fn.firestore.values import fill_time


def encoded_times(consistency: dict[str, Any]) -> dict[str, Any]:
    """The consistency of a read, with its time as protobuf has it."""
    read_time: datetime | None = consistency.get("read_time")
    if read_time is None:
        return consistency
    message = Timestamp()
    fill_time(message, read_time, "the read time")
    return {**consistency, "read_time": message}


def locks(consistency: dict[str, Any]) -> bool:
    """Whether a read is in a transaction, which locks what it reads."""
    return "transaction" in consistency or "new_transaction" in consistency
