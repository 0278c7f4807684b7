"""Rates: how often documents of a collection change, as an app or a command line says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from onto_fn.errors import DeclarationError
from onto_fn.firestore import PathTemplate

_SECONDS = {"s": 1, "min": 60, "h": 3600, "day": 86_400, "month": 30 * 86_400}
_RATE = re.compile(r"\s*([0-9][0-9_]*(?:\.[0-9]+)?(?:e[0-9]+)?)\s*/\s*([a-z]+)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Rate:
    """A number of changes per unit of time.

    Attributes:
        text: as it was written, such as `"1e6/day"`.
        per_second: changes per second.
    """

    text: str
    per_second: float

    @property
    def per_month(self) -> float:
        """Changes in a month of 30 days."""
        return self.per_second * _SECONDS["month"]


def parse_rate(text: str) -> Rate:
    """The rate in a text such as `"1e6/day"`, `"20/s"` or `"300/min"`.

    Raises:
        DeclarationError: it is none.
    """
    found = _RATE.fullmatch(text)
    if found is None or found[2].lower() not in _SECONDS:
        units = ", ".join(_SECONDS)
        raise DeclarationError(f"{text!r} is not a rate; write a number / one of {units}: 1e6/day")
    return Rate(text.strip(), float(found[1]) / _SECONDS[found[2].lower()])


def rates_of(texts: Mapping[str, str], collections: set[PathTemplate]) -> dict[PathTemplate, Rate]:
    """Rates by the template of the collection.

    Args:
        texts: rates by the path of a collection, such as `{"polls/{poll}/votes": "50/s"}`. Names
            of variables make no difference, and may be left out: `polls/{}/votes`.
        collections: those that the app listens to.

    Raises:
        DeclarationError: a text is not a rate, or the app does not listen to a collection.
    """
    by_shape = {_shape(template.text): template for template in collections}
    rates: dict[PathTemplate, Rate] = {}
    for path, text in texts.items():
        template = by_shape.get(_shape(path))
        if template is None:
            known = ", ".join(sorted(template.text for template in collections))
            raise DeclarationError(
                f"changes names {path!r}, to which the app does not listen; it listens to {known}"
            )
        rates[template] = parse_rate(text)
    return rates


def _shape(path: str) -> tuple[str, ...]:
    return tuple("{}" if part.startswith("{") else part for part in path.split("/"))
