"""What the generated rules let clients do: the attacks, what is allowed, and every clause."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

import pytest
from google.cloud.firestore import Client

from emulator_tests.access.guards.cases import CLAIMS, NOBODY, Case, allowed, attacks, seeds
from emulator_tests.access.guards.mutants import Mutant, rounds
from emulator_tests.access.guards.sdk import Answer, Sdk, Users
from emulator_tests.apps import guarded
from onto_fn.generate import rules_text
from onto_fn.testing import EmulatorSuite

RULES = rules_text(guarded.app)
AT_ONCE = 4


class Guarded:
    """The app's documents under rules, in a project of their own, with users at the door.

    Args:
        suite: the emulators.
        sdk: the clients.
        sign_in: whether users sign in on the Auth emulator, and use the whole SDK. Else they have
            tokens that nobody has signed, and send one HTTP request an operation, which is faster.
    """

    def __init__(self, suite: EmulatorSuite, sdk: Sdk, *, sign_in: bool) -> None:
        self.project = f"demo-{secrets.token_hex(6)}"
        self.suite = suite
        self.client: Client = suite.client(project_id=self.project)
        self.users = Users(sdk, suite, self.project)
        for name, claims in CLAIMS.items():
            if sign_in:
                self.users.sign_in(name, **claims)
            else:
                self.users.pretend(name, claims)
        if sign_in:
            self.users.nobody(NOBODY)
        else:
            self.users.pretend(NOBODY, None)

    def under(self, rules: str) -> None:
        self.suite.load_rules(rules, project_id=self.project)
        seeds(self.client)

    def answers(self, cases: Iterable[Case]) -> list[tuple[Case, Answer]]:
        tried = list(cases)
        operations = [
            {**case.operation(), "session": self.users.session(case.user)} for case in tried
        ]
        return list(zip(tried, self.users.sdk.call_all(operations), strict=True))


def test_every_attack_is_denied_and_what_is_declared_is_allowed(
    emulators: EmulatorSuite, sdk: Sdk, capsys: pytest.CaptureFixture[str]
) -> None:
    door = Guarded(emulators, sdk, sign_in=True)
    door.under(RULES)

    denied = door.answers(attacks())
    door.under(RULES)
    passed = door.answers(allowed())

    through = [(case.name, answer) for case, answer in denied if answer.code != case.code]
    refused = [(case.name, answer) for case, answer in passed if answer.outcome != "allowed"]
    with capsys.disabled():
        print(
            f"\nattacks denied {len(denied) - len(through)} of {len(denied)}, "
            f"allowed cases {len(passed) - len(refused)} of {len(passed)}"
        )
    assert (through, refused) == ([], [])
    assert len(denied) >= 60


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
