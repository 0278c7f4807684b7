"""`make chaos`: run the functions under the whole fault model and check G1 to G8."""

import argparse
import random
import statistics
import sys
import time
from collections.abc import Iterator

from emulator_tests.chaos.app.broken import BREAKS
from emulator_tests.chaos.harness.checker import GUARANTEES, LONGEST_INVOCATION
from emulator_tests.chaos.harness.run import Report, Settings, run

SHOWN = 5


def main() -> int:
    """Run; 1 if a guarantee does not hold."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="of all choices; a random one unless given")
    parser.add_argument("--writes", type=int, default=2000, help="source documents written")
    parser.add_argument("--seconds", type=float, default=60.0, help="in which time")
    parser.add_argument("--single", action="store_true", help="one worker for each function")
    parser.add_argument(
        "--break",
        dest="breaks",
        default="",
        choices=sorted(BREAKS),
        help="a fault of app/broken.py that is to be found",
    )
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(10**9) if arguments.seed is None else arguments.seed
    settings = Settings(
        seed,
        arguments.writes,
        arguments.seconds,
        pairs=not arguments.single,
        breaks=arguments.breaks,
    )
    print(f"chaos with SEED={seed} WRITES={settings.writes} SECONDS={settings.seconds:g}")
    report = run(settings, _Progress())
    _Progress.clear()
    for name, value in rows(report):
        print(f"  {name:<38}{value}" if value else f"\n{name}")
    for violation in report.verdict.violations[:SHOWN]:
        print(f"\n  {violation}")
    if report.verdict.violations:
        print(
            f"\n{len(report.verdict.violations)} violations; again with SEED={seed}; "
            f"logs in {report.log_dir}"
        )
        return 1
    print(f"\nno violation ({sum(report.seconds.values()):.0f} s)")
    return 0


def rows(report: Report) -> Iterator[tuple[str, str]]:
    """The table: titles have no value."""
    counts, faults, verdict = report.counts, report.faults, report.verdict
    yield "load", ""
    yield "source writes", f"{counts['source writes']}"
    yield "events delivered", f"{counts['events']}"
    yield "deliveries", f"{counts['deliveries']} (redelivered {counts['redeliveries']})"
    yield "planned duplicates", f"{counts['duplicates']}"
    yield "concurrent pairs", f"{counts['pairs']}"
    yield "dropped payloads", f"{counts['dropped']}"
    yield "faults", ""
    for fault in ("KILL_BEFORE_READ", "KILL_BEFORE_COMMIT", "KILL_AFTER_COMMIT"):
        whole, process = faults[fault, "whole"], faults[fault, ""]
        yield fault.lower().replace("_", " "), f"{whole + process} (whole instance {whole})"
    for fault, title in (("ERROR", "error"), ("AMBIGUOUS", "error after commit")):
        for (name, code), count in sorted(faults.items()):
            if name == fault:
                yield f"{title} {code}", f"{count}"
    yield "delayed calls", f"{faults['DELAY', '']}"
    yield "work", ""
    yield "ledger commits", f"{verdict.ledger_commits}"
    yield "view document versions", f"{verdict.view_versions}"
    yield "messages published", f"{verdict.messages}"
    yield "batches of fan-outs", f"{counts['batches']}"
    for outcome in ("committed", "covered", "unchanged", "dead letter", "sent"):
        yield f"outcomes logged: {outcome}", f"{report.outcomes[outcome]}"
    yield "dead letters at the end", f"{verdict.broken} of {verdict.roots} roots"
    durations = report.durations
    if len(durations) > 1:
        cuts = statistics.quantiles(durations, n=20)
        yield "invocation p50 / p95", f"{cuts[9] * 1000:.0f} ms / {cuts[18] * 1000:.0f} ms"
    yield "slowest invocation", f"{report.slowest:.1f} s (allowed {LONGEST_INVOCATION:.0f} s)"
    yield "seconds", ", ".join(f"{name} {s:.0f}" for name, s in report.seconds.items())
    yield "violations", ""
    for guarantee in GUARANTEES:
        yield guarantee, f"{verdict.count(guarantee)}"


class _Progress:
    """One line that changes in a terminal; elsewhere a line every ten seconds."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, line: str) -> None:
        if sys.stdout.isatty():
            print(f"\r\033[K{line}", end="", flush=True)
        elif time.monotonic() - self._last > 10:
            self._last = time.monotonic()
            print(line, flush=True)

    @staticmethod
    def clear() -> None:
        if sys.stdout.isatty():
            print("\r\033[K", end="")


if __name__ == "__main__":
    sys.exit(main())
