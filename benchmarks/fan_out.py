"""Fan-out: an edit of a post in the feeds of all followers; feed.py says what is measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import feed
from frame import Curves, Options, Report, Table, from_rich


def run(options: Options) -> Report:
    """Fan-out beside a raw batched write and a hand-written loop, and what it is billed."""
    numbers: list[int] = options.pick([10, 1000, 10_000], [10])
    found = [dict(_flat(asdict(row))) for row in feed.run(numbers, 1)]
    cells = tuple(tuple(row.values()) for row in found)
    title = "An edit of a post, until every feed shows it: seconds; kills; MiB"
    report = Report([Table(title, tuple(found[0]), cells), from_rich(feed.of_billing(numbers))])
    timed = [name for name, value in found[0].items() if isinstance(value, float)]
    series = {name: [(row["followers"], row[name]) for row in found] for name in timed}
    report.curves = [Curves("An edit until every feed shows it", "followers", "seconds", series)]
    return report


def _flat(row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, dict):
            yield from value.items()
        else:
            yield name, value
