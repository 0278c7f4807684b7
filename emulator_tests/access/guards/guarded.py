"""The documents of `apps/guarded.py` under rules, with users at the door."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from google.cloud.firestore import Client

from emulator_tests.access.guards.cases import CLAIMS, NOBODY, Case, seeds
from emulator_tests.access.guards.sdk import Answer, Sdk, Users
from onto_fn.testing import EmulatorSuite


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
        self.tokens: dict[str, str] = {}
        for name, claims in CLAIMS.items():
            if sign_in:
                self.tokens[name] = self.users.sign_in(name, **claims)
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
