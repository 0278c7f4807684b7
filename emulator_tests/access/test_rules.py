"""What the generated rules let clients do: the attacks, what is allowed, and every clause."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

import guarded
import pytest
from google.cloud.firestore import Client
from guards.cases import CLAIMS, NOBODY, Case, allowed, attacks, seeds
from guards.mutants import Mutant, rounds
from guards.sdk import Answer, Sdk, Users

from onto_fn.generate import rules_text
from onto_fn.testing import EmulatorSuite

RULES = rules_text(guarded.app)
AT_ONCE = 4


class Guarded:
    """The app's documents under rules, with users of every kind at the door."""

    def __init__(self, suite: EmulatorSuite, sdk: Sdk) -> None:
        self.project = f"demo-{secrets.token_hex(6)}"
        self.suite = suite
        self.client: Client = suite.client(project_id=self.project)
        self.users = Users(sdk, suite, self.project)
        self.users.pretend(NOBODY, None)
        for name, claims in CLAIMS.items():
            self.users.pretend(name, claims)

    def under(self, rules: str) -> None:
        self.suite.load_rules(rules, project_id=self.project)
        seeds(self.client)

    def answers(self, cases: Iterable[Case]) -> list[tuple[Case, Answer]]:
        tried = list(cases)
        operations = [
            {**case.operation(), "session": self.users.session(case.user)} for case in tried
        ]
        return list(zip(tried, self.users.sdk.call_all(operations), strict=True))


@pytest.fixture(scope="module")
def door(firestore_emulator: EmulatorSuite, sdk: Sdk) -> Guarded:
    return Guarded(firestore_emulator, sdk)


def test_every_attack_is_denied_and_what_is_declared_is_allowed(
    door: Guarded, capsys: pytest.CaptureFixture[str]
) -> None:
    door.under(RULES)

    denied = door.answers(attacks())
    door.under(RULES)
    passed = door.answers(allowed())

    through = [case.name for case, answer in denied if answer.code != case.code]
    refused = [(case.name, answer) for case, answer in passed if answer.outcome != "allowed"]
    with capsys.disabled():
        print(
            f"\nattacks denied {len(denied) - len(through)} of {len(denied)}, "
            f"allowed cases {len(passed) - len(refused)} of {len(passed)}"
        )
    assert (through, refused) == ([], [])
    assert len(denied) >= 60


def test_an_attack_gets_through_if_any_clause_of_the_rules_is_loosened(
    door: Guarded, capsys: pytest.CaptureFixture[str]
) -> None:
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
