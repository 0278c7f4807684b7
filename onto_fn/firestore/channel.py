"""The gRPC connection to Firestore, or to its emulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import grpc
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport

# Of `grpc.experimental.ChannelOptions.SingleThreadedUnaryStream`, which has no types.
_SINGLE_THREADED = "SingleThreadedUnaryStream"
_OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_receive_message_length", -1),
    # A stream's responses are taken by the thread that reads it, not handed over by another: a
    # third of the time a document.
    (_SINGLE_THREADED, 1),
]


@dataclass(frozen=True)
class Deadlines:
    """How long one call may take, in seconds.

    Attributes:
        read: a read of all its documents.
        commit: a commit.
        stream: a query whose documents are used as they arrive; who reads it goes on after it.
    """

    read: float = 20.0
    commit: float = 20.0
    stream: float = 60.0


def connect(
    emulator: str | None, interceptors: Sequence[grpc.UnaryUnaryClientInterceptor] = ()
) -> Any:
    """Open a channel; it connects with its first call.

    Args:
        emulator: `host:port` of an emulator, which needs no credentials; None for Google's own.
        interceptors: see every call, for tests and instrumentation.
    """
    # The generated client and grpc carry incomplete types.
    channel: Any
    if emulator:
        channel = cast(Any, grpc).insecure_channel(emulator, options=_OPTIONS)
    else:
        channel = cast(Any, FirestoreGrpcTransport).create_channel(
            scopes=FirestoreGrpcTransport.AUTH_SCOPES, options=_OPTIONS
        )
    if interceptors:
        channel = cast(Any, grpc).intercept_channel(channel, *interceptors)
    return channel
