"""Prices: what Google asks for operations, with the date and the page that say so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

from onto_fn.errors import DeclarationError
from onto_fn.pricing.counts import Counts

MILLION = 1_000_000
_BYTES_PER_MESSAGE = 1000
"""Pub/Sub bills a message as this many bytes at least, when it is published and delivered."""
_TIB = 2**40


@dataclass(frozen=True)
class Prices:
    """Dollars of one region and edition, beyond what is free.

    Attributes:
        region: where the database is.
        edition: `"standard"` or `"enterprise"`.
        reads: per million documents read. On Enterprise: per million read units of 4 KiB, of which
            a document takes one or more.
        writes: per million documents written; there, write units of 1 KiB, and more for indexes.
        deletes: per million documents deleted.
        invocations: per million calls of functions.
        messages_tib: per TiB of Pub/Sub messages.
        as_of: date of the prices.
        source: where they were read.
    """

    region: str
    edition: str
    reads: float
    writes: float
    deletes: float
    invocations: float
    messages_tib: float
    as_of: str
    source: str

    def dollars(self, counts: Counts) -> float:
        """The price of operations; without the time of instances, storage and network."""
        per_message = 2 * _BYTES_PER_MESSAGE * self.messages_tib / _TIB
        return (
            counts.reads * self.reads
            + counts.writes * self.writes
            + counts.deletes * self.deletes
            + counts.invocations * self.invocations
        ) / MILLION + counts.messages * per_message


_FIRESTORE = "firebase.google.com/docs/firestore/pricing"
_EDITIONS = "firebase.google.com/docs/firestore/pipelines/pricing"
_OTHERS = "; modal.com/blog/google-cloud-function-pricing-guide; cloud.google.com/pubsub/pricing"
_INVOCATIONS, _MESSAGES = 0.40, 40.0
AS_OF = "2026-12-01"
"""When the pages were looked up, in copies of them; a page may have changed since it was copied."""


def _standard(region: str, reads: float, writes: float, deletes: float, page: str) -> Prices:
    return Prices(
        region,
        "standard",
        reads,
        writes,
        deletes,
        _INVOCATIONS,
        _MESSAGES,
        AS_OF,
        page + _OTHERS,
    )


TABLE: tuple[Prices, ...] = (
    _standard("us-central1", 0.30, 0.90, 0.10, _EDITIONS),
    _standard("us-west1", 0.30, 0.90, 0.10, _FIRESTORE),
    _standard("us-west2", 0.36, 1.08, 0.12, _FIRESTORE),
    _standard("nam5", 0.60, 1.80, 0.20, _FIRESTORE),
    Prices(
        "us-central1",
        "enterprise",
        0.05,
        0.26,
        0.26,
        _INVOCATIONS,
        _MESSAGES,
        AS_OF,
        _EDITIONS + _OTHERS,
    ),
)


def prices_of(region: str, edition: str = "standard") -> Prices:
    """The prices of a region.

    Raises:
        DeclarationError: none are known.
    """
    for prices in TABLE:
        if (prices.region, prices.edition) == (region, edition):
            return prices
    known = ", ".join(f"{prices.region} ({prices.edition})" for prices in TABLE)
    raise DeclarationError(
        f"no prices of {region} ({edition}) are known; known are {known}. Pass --prices FILE with "
        "those of your region, from cloud.google.com/firestore/pricing"
    )


def read_prices(path: Path) -> Prices:
    """Prices from a JSON file with the fields of `Prices`.

    Raises:
        DeclarationError: it is no such file.
    """
    names = [field.name for field in fields(Prices)]
    try:
        found: object = json.loads(path.read_text(encoding="utf-8"))
        given = cast("Mapping[str, Any]", found)
        prices = Prices(**{name: given[name] for name in names})
        prices.dollars(Counts(1, 1, 1, 1, 1, 1))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DeclarationError(
            f"{path} does not have prices: {error!r}. It is a JSON object with {', '.join(names)}"
        ) from error
    return prices
