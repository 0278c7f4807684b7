"""Converts Firestore's errors to the engine's: transient (retry) or permanent."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from contextlib import contextmanager

from google.api_core import exceptions as google

from onto_fn.errors import (
    Contention,
    DocumentTooLarge,
    MissingIndex,
    PermanentError,
    TransientError,
)
from onto_fn.firestore.fieldpaths import api_path
from onto_fn.firestore.paths import last_segment
from onto_fn.firestore.queries import Query

_CONTENTION = (
    google.Aborted,
    google.AlreadyExists,
    google.FailedPrecondition,
    google.NotFound,
)


_TRANSIENT = (
    google.Cancelled,
    google.DeadlineExceeded,
    google.GatewayTimeout,
    google.InternalServerError,
    google.ResourceExhausted,
    google.RetryError,
    google.ServiceUnavailable,
    google.TooManyRequests,
    google.Unknown,
)


# Of a request that is larger than the transport takes. It is RESOURCE_EXHAUSTED, as a quota is.
_TOO_LARGE = re.compile(r"message (exceeds maximum size|larger than max)", re.IGNORECASE)


# The server ended the transaction; every other error about a transaction is permanent.
_TRANSACTION_ENDED = re.compile(
    r"transaction\b.*\b(invalid|expired|closed|no longer valid)|invalid transaction", re.IGNORECASE
)


def _missing(query: Query, error: Exception) -> str:
    fields: list[dict[str, str]] = [
        {"fieldPath": api_path(condition.field), "arrayConfig": "CONTAINS"}
        if condition.op.startswith("array")
        else {"fieldPath": api_path(condition.field), "order": "ASCENDING"}
        for condition in query.filters
    ]
    fields += [
        {
            "fieldPath": api_path(order.field),
            "order": "DESCENDING" if order.descending else "ASCENDING",
        }
        for order in query.orders
    ]
    index = {
        "collectionGroup": last_segment(query.collection),
        "queryScope": "COLLECTION",
        "fields": list({field["fieldPath"]: field for field in fields}.values()),
    }
    return (
        f"a query on {query.collection} needs an index that does not exist in the database. Add it "
        "to "
        f'"indexes" in firestore.indexes.json and deploy that: {json.dumps(index)}. Firestore '
        f"says: {error}"
    )


@contextmanager
def translated(*, in_transaction: bool, query: Query | None = None) -> Generator[None]:
    """Raise Firestore's errors in the block as those that the engine knows; see `translate`."""
    try:
        yield
    except google.GoogleAPIError as error:
        translate(error, in_transaction=in_transaction, query=query)
        raise


def translate(
    error: google.GoogleAPIError, *, in_transaction: bool, query: Query | None = None
) -> None:
    """Raise an error of Firestore as the one that the engine knows, if it knows one.

    Args:
        error: what a call has raised.
        in_transaction: whether the call was in a transaction.
        query: what the call was about.
    """
    if isinstance(error, _CONTENTION):
        is_condition = isinstance(error, google.FailedPrecondition)
        if query is not None and is_condition and "index" in str(error):
            raise MissingIndex(_missing(query, error)) from error
        raise Contention(str(error)) from error
    if isinstance(error, _TRANSIENT):
        if _TOO_LARGE.search(str(error)):
            raise DocumentTooLarge(f"Firestore refuses the request: {error}") from error
        raise TransientError(f"{type(error).__name__}: {error}") from error
    if isinstance(error, google.InvalidArgument):
        if in_transaction and _TRANSACTION_ENDED.search(str(error)):
            raise Contention(str(error)) from error
        raise PermanentError(f"Firestore refuses the request: {error}") from error
