"""Fan-out: an edit of a post in the feeds of all followers; feed.py says what is measured."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

import feed
from frame import Curves, Options, Ratio, Report, Table

ROUNDS = {10: 5, 100: 5, 1000: 2, 10_000: 1}
"""By the number of followers."""
ROUNDS_THROUGH_FUNCTIONS = {10: 3, 100: 3, 1000: 1}


def run(options: Options) -> Report:
    """In one process beside a raw batched write; and, not in a quick run, through functions."""
    report = Report()
    _in_process(report, options.pick(ROUNDS, {10: 3, 100: 3, 1000: 1}))
    if not options.quick:
        _through_functions(report, ROUNDS_THROUGH_FUNCTIONS)
    return report


def _in_process(report: Report, rounds: Mapping[int, int]) -> None:
    found = feed.in_process(rounds)
    medians = {row.followers: _medians(row.times) for row in found}
    ratios = [_ratio("fan-out in one process / raw", row.followers, row.times) for row in found]
    cells = tuple(
        (
            f"{row.followers:,}",
            *medians[row.followers].values(),
            ratio.median,
            row.calls,
            row.reads,
            row.writes,
            row.writes / row.followers,
        )
        for row, ratio in zip(found, ratios, strict=True)
    )
    billed = ("round trips", "reads", "writes", "writes / follower")
    columns = ("followers", *medians[found[0].followers], "fan-out / raw", *billed)
    title = "An edit of a post, in one process: seconds, and what is billed"
    report.tables.append(Table(title, columns, cells))
    report.ratios += ratios
    report.curves.append(_curves("An edit in one process", medians))


def _through_functions(report: Report, rounds: Mapping[int, int]) -> None:
    found = feed.run(rounds)
    medians = {row.followers: _medians(row.times) for row in found}
    sides = tuple(medians[found[0].followers])
    ratios = [_ratio("fan-out through functions / raw", row.followers, row.times) for row in found]
    cells = tuple(
        (
            f"{row.followers:,}",
            *(medians[row.followers].get(side, "") for side in sides),
            ratio.median,
            row.peak,
        )
        for row, ratio in zip(found, ratios, strict=True)
    )
    columns = ("followers", *sides, "fan-out / raw", "MiB of a worker")
    title = "The same through functions and Pub/Sub, until every feed shows it: seconds"
    report.tables.append(Table(title, columns, cells))
    report.ratios += ratios
    report.curves.append(_curves("An edit until every feed shows it", medians))


def _medians(times: Mapping[str, list[float]]) -> dict[str, float]:
    return {side: statistics.median(seconds) for side, seconds in times.items()}


def _ratio(label: str, followers: int, times: Mapping[str, list[float]]) -> Ratio:
    return Ratio.of(f"{label}, {followers:,} followers", times["fan-out"], times["raw"])


def _curves(title: str, medians: Mapping[int, Mapping[str, float]]) -> Curves:
    sides = next(iter(medians.values()))
    series = {
        side: [(number, made[side]) for number, made in medians.items() if side in made]
        for side in sides
    }
    return Curves(title, "followers", "seconds", series)
