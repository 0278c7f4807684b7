"""Cursors: where the next page of a list begins, as a text that a caller sends back."""

from __future__ import annotations

import base64
from typing import Any, cast

from google.cloud.firestore_v1.types import ArrayValue
from google.protobuf.message import DecodeError

from onto_fn.errors import PermanentError
from onto_fn.firestore import Document
from onto_fn.firestore.documents import Value
from onto_fn.firestore.fieldpaths import quoted
from onto_fn.firestore.paths import check_segment, last_segment
from onto_fn.firestore.queries import field_value
from onto_fn.firestore.values import decode, encode
from onto_fn.gate.offers import CheckedListing
from onto_fn.gate.refusal import invalid

# The generated message classes carry no types for their fields.
_Cursor = cast(Any, ArrayValue).pb()
_DOCUMENTS = "projects/-/databases/-/documents"  # of the references in a cursor


def cursor_of(document: Document, listing: CheckedListing) -> str:
    """Where a document is in a list: the values by which it is ordered, and its id."""
    position = _Cursor()
    for order in listing.orders:
        _, value = field_value(document.fields or {}, quoted(order.field))
        position.values.append(encode(value, documents=_DOCUMENTS, where="the cursor"))
    position.values.add(string_value=last_segment(document.path))
    return base64.urlsafe_b64encode(position.SerializeToString()).decode().rstrip("=")


def position_of(
    cursor: str, collection: str, listing: CheckedListing
) -> tuple[str, tuple[Value, ...]]:
    """The path and the values that a cursor stands for.

    Raises:
        Refusal: it is none of this list.
    """
    try:
        position = _Cursor.FromString(base64.b64decode(_padded(cursor), b"-_", validate=True))
        *values, identifier = (decode(value, _DOCUMENTS) for value in position.values)
        if len(values) != len(listing.orders):
            raise ValueError
        check_segment(cast(str, identifier), what="the cursor")
    except (ValueError, OverflowError, PermanentError, DecodeError) as error:
        raise invalid(["cursor: it is none of this list"]) from error
    return f"{collection}/{identifier}", tuple(values)


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)
