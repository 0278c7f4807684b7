"""Whatever users declare and store is kept, refused at import, or told in one line."""

from __future__ import annotations

import pytest

from emulator_tests.fuzz.__main__ import run
from emulator_tests.fuzz.declarations import generated
from emulator_tests.fuzz.report import shown, tables
from emulator_tests.fuzz.running import ALL
from onto_fn.testing import EmulatorSuite

SEED = 20260102
CASES = 200


def test_what_is_declared_and_stored_is_kept_or_refused_at_import(
    firestore_emulator: EmulatorSuite, capsys: pytest.CaptureFixture[str]
) -> None:
    tally = run(firestore_emulator.firestore_host, SEED, range(CASES), ALL, jobs=2)

    faults = [shown(fault, generated(fault.number, SEED)) for fault in tally.faults]
    with capsys.disabled():
        print("\n" + "\n".join(tables(tally)))
    assert faults == []
    assert tally.cases == CASES


def test_the_same_seed_makes_the_same_declarations() -> None:
    first, again = (repr([generated(n, SEED).source() for n in range(20)]) for _ in range(2))

    assert first == again
    assert first != repr([generated(n, SEED + 1).source() for n in range(20)])
