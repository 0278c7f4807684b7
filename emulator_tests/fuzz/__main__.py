"""`make fuzz`: check thousands of generated declarations on the Firestore emulator."""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from emulator_tests.fuzz.declarations import Declaration, generated
from emulator_tests.fuzz.reducing import reduced
from emulator_tests.fuzz.report import shown, tables
from emulator_tests.fuzz.running import ALL, Fault, Tally, block, check
from onto_fn.testing import EmulatorSuite

ROOT = Path(__file__).resolve().parents[2]
BLOCK = 125
"""Declarations in one process: its classes are gone with it."""
MOST_SHOWN = 5


def main() -> int:
    """Run; 1 if a property does not hold for a declaration."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, help="of all choices; a random one unless given")
    parser.add_argument("--cases", type=int, default=5000, help="declarations")
    parser.add_argument("--jobs", type=int, default=2, help="processes at the same time")
    parser.add_argument("--only", help=f"parts to check, of {', '.join(sorted(ALL))}")
    parser.add_argument("--case", type=int, help="check and show this one alone")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(10**9) if given.seed is None else given.seed
    parts = frozenset(given.only.split(",")) if given.only else ALL
    numbers = range(given.cases) if given.case is None else range(given.case, given.case + 1)
    print(f"fuzz with SEED={seed} CASES={len(numbers)}", flush=True)
    begun = time.monotonic()
    with EmulatorSuite(ROOT, only=("firestore",)) as suite:
        tally = run(suite.firestore_host, seed, numbers, parts, given.jobs)
        print("\n".join(tables(tally)))
        for fault in _one_of_each(tally.faults):
            smallest = _smallest(suite.firestore_host, seed, fault)
            print(f"\n{'-' * 80}\ncase {fault.number}, {shown(fault, smallest)}", flush=True)
        if given.case is not None and not tally.faults:
            print(generated(given.case, seed).source())
    seconds = time.monotonic() - begun
    parts_took = ", ".join(f"{n} {ms / 1000:.0f}" for n, ms in tally.milliseconds.items())
    print(f"\nseconds of {given.jobs} processes: {parts_took}")
    if tally.faults:
        cases = sorted({fault.number for fault in tally.faults})
        print(f"{len(tally.faults)} faults in the cases {cases}; again with SEED={seed}")
        return 1
    print(f"0 faults in {tally.cases} declarations ({seconds:.0f} s)")
    return 0


def run(host: str, seed: int, numbers: range, parts: frozenset[str], jobs: int) -> Tally:
    """Check the declarations of these numbers, in blocks."""
    blocks = [numbers[start : start + BLOCK] for start in range(0, len(numbers), BLOCK)]
    total = Tally()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, max_tasks_per_child=1) as pool:
        running = [pool.submit(block, host, seed, part, parts) for part in blocks]
        last = time.monotonic()
        for done in as_completed(running):
            found = done.result()
            total.add(found)
            for fault in found.faults:
                print(f"  case {fault.number}: {fault.broken}: {fault.text[:200]}", flush=True)
            if time.monotonic() - last > 10:
                last = time.monotonic()
                print(f"  {total.cases} declarations, {len(total.faults)} faults", flush=True)
    return total


def _one_of_each(faults: list[Fault]) -> list[Fault]:
    """One fault of each property, those of the lowest numbers."""
    first: dict[str, Fault] = {}
    for fault in sorted(faults, key=lambda found: found.number):
        first.setdefault(fault.broken, fault)
    return list(first.values())[:MOST_SHOWN]


def _smallest(host: str, seed: int, fault: Fault) -> Declaration:
    part = {"TypeScript": "typescript"}.get(fault.broken)
    if part is None:
        part = "rules" if " " in fault.broken else "firestore"

    def is_broken(candidate: Declaration) -> bool:
        found = check(host, [candidate], frozenset({part}))
        return fault.broken in {other.broken for other in found.faults}

    return reduced(generated(fault.number, seed), is_broken)


if __name__ == "__main__":
    sys.exit(main())
