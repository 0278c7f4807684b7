"""What the generated rules let clients do if any clause of them is loosened.

That they let none of the attacks through is tested in `emulator_tests/api/test_attacks.py`, at each
door.
"""

from __future__ import annotations

import pytest

from emulator_tests.access.guards.cases import Case, attacks
from emulator_tests.access.guards.guarded import Guarded
from emulator_tests.access.guards.mutants import Mutant, rounds
from emulator_tests.access.guards.sdk import Sdk
from emulator_tests.apps import guarded
from onto_fn.generate import rules_text
from onto_fn.testing import EmulatorSuite

RULES = rules_text(guarded.app)
AT_ONCE = 4


def test_an_attack_gets_through_if_any_clause_of_the_rules_is_loosened(
    firestore_emulator: EmulatorSuite, sdk: Sdk, capsys: pytest.CaptureFixture[str]
) -> None:
    door = Guarded(firestore_emulator, sdk, sign_in=False)
    cases = list(attacks())
    loosened = 0
    survivors: list[str] = []
    for rules, together in rounds(RULES):
        door.under(rules)
        loosened += len(together)
        survivors += [mutant.name for mutant in unnoticed(door, together, cases)]

    with capsys.disabled():
        print(f"\nclauses loosened {loosened}, found out {loosened - len(survivors)}")
    assert survivors == []
    assert loosened > 100


def unnoticed(door: Guarded, together: list[Mutant], cases: list[Case]) -> list[Mutant]:
    """Those that let none of the attacks through that they concern."""
    waiting = {mutant: [case for case in cases if mutant.concerns(case)] for mutant in together}
    silent: list[Mutant] = []
    while waiting:
        tried = [(mutant, case) for mutant, rest in waiting.items() for case in rest[:AT_ONCE]]
        answers = door.answers(case for _, case in tried)
        through = {
            mutant
            for (mutant, case), (_, answer) in zip(tried, answers, strict=True)
            if answer.code != case.code
        }
        waiting = {m: rest[AT_ONCE:] for m, rest in waiting.items() if m not in through}
        silent += [mutant for mutant, rest in waiting.items() if not rest]
        waiting = {mutant: rest for mutant, rest in waiting.items() if rest}
    return silent
