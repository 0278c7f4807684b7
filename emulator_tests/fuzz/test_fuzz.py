"""Whatever users declare and store is kept, refused at import, or told in one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:
    sys.path.insert(0, str(HERE.parent))

from fuzz.__main__ import run  # noqa: E402
from fuzz.declarations import generated  # noqa: E402
from fuzz.report import shown, tables  # noqa: E402
from fuzz.running import ALL  # noqa: E402
from onto_fn.testing import EmulatorSuite  # noqa: E402

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
