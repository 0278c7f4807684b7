"""A project on the Firestore emulator with the guarded app's documents, and who asks for them."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import pytest
from google.cloud.firestore import Client

from emulator_tests.access.guards.cases import CLAIMS, NOBODY, seeds
from emulator_tests.api.attacks import guarded
from emulator_tests.api.attacks.asgi import Answer, send, served
from emulator_tests.api.attacks.tokens import token_of
from onto_fn.editing import Database
from onto_fn.testing import EmulatorSuite
from onto_fn.testing.billing import Billing

ORIGIN = "https://app.example"


@dataclass(frozen=True)
class Place:
    """What is attacked, in this process.

    Attributes:
        project: id of the project.
        client: an administrator's.
        database: of the app.
        billing: what the app has read and written.
    """

    project: str
    client: Client
    database: Database
    billing: Billing

    @cached_property
    def stored(self) -> Any:
        """The ASGI application of the stored views."""
        return served(guarded.stored(origins=[ORIGIN]), self.database)

    @cached_property
    def live(self) -> Any:
        """The ASGI application of the computed views."""
        return served(guarded.live(), self.database)

    def token(self, user: str) -> str | None:
        return None if user == NOBODY else token_of(self.project, user, **CLAIMS.get(user, {}))

    def send(self, method: str, target: str | bytes, user: str = NOBODY, **rest: Any) -> Answer:
        app = rest.pop("app", None) or self.stored
        return send(app, method, target, **{"token": self.token(user), **rest})

    def exists(self, path: str) -> bool:
        return self.client.document(path).get().exists

    def letters(self) -> int:
        """How many dead letters there are."""
        return len(list(self.client.collection("onto_dead_letters").stream()))


@contextmanager
def emulated(suite: EmulatorSuite) -> Generator[str]:
    """An environment in which tokens are looked at, and a new project; the project's id."""
    with pytest.MonkeyPatch.context() as patch:
        project = f"demo-{secrets.token_hex(6)}"
        patch.setenv("FIRESTORE_EMULATOR_HOST", suite.firestore_host)
        patch.setenv("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:1")  # nothing is asked there
        patch.setenv("GOOGLE_CLOUD_PROJECT", project)
        _forget_sdk()
        yield project
        _forget_sdk()


@contextmanager
def place_on(suite: EmulatorSuite) -> Generator[Place]:
    """The documents of the cases, and what the views are computed from."""
    with emulated(suite) as project:
        client, billing = suite.client(project_id=project), Billing()
        database = Database(project, interceptors=[billing])
        seeds(client)
        domain(client)
        yield Place(project, client, database, billing)
        database.close()
        client.close()


def domain(client: Client) -> None:
    """What views are computed from, and documents that nobody in the cases may see."""
    batch = client.batch()
    for name, who in (("t1", "ada"), ("t2", "eve"), ("ada", "eve")):
        fields = {"title": "Blue", "memberIds": [who], "guests": {who: True, "bob": False}}
        batch.set(client.document(f"teams/{name}"), fields)
        if name == "t2":
            batch.set(client.document(f"boards/{name}"), fields)
            batch.set(client.document(f"guestBooks/{name}"), fields)
    batch.commit()


def _forget_sdk() -> None:
    """The Admin SDK keeps the project of whichever test came first."""
    import firebase_admin  # pyright: ignore[reportMissingTypeStubs]

    admin = cast(Any, firebase_admin)
    for app in list(admin._apps.values()):
        admin.delete_app(app)
