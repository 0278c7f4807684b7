"""How the hub connects to Google's own Firestore, as far as that can be said without it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

import google.auth
import pytest
from google.auth.credentials import AnonymousCredentials

from onto_fn.firestore import Database
from onto_fn.firestore.hub import hub_of


class Named:
    """As much of a database as a hub needs."""

    project = "a-project"
    name = "projects/a-project/databases/(default)"
    metadata = (("google-cloud-resource-prefix", name),)

    def decoded(self, message: Any) -> Any:
        return message


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In which threads credentials are looked for."""
    for name in ("FIRESTORE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    threads: list[str] = []

    def default(**_: Any) -> tuple[Any, str]:
        threads.append(threading.current_thread().name)
        return cast(Any, AnonymousCredentials)(), "a-project"

    monkeypatch.setattr(google.auth, "default", default)
    return threads


def test_credentials_are_looked_for_when_the_hub_is_made_and_not_in_the_event_loop(
    looked: list[str],
) -> None:
    """It may ask the metadata server, which takes seconds where there is none."""

    async def test() -> None:
        hub = await asyncio.to_thread(hub_of, cast(Database, Named()))
        assert len(looked) == 1
        assert looked[0] != threading.main_thread().name

        task = asyncio.ensure_future(anext(hub.watch("things/a")))
        await asyncio.sleep(0.05)

        assert len(looked) == 1
        task.cancel()
        await asyncio.wait({task})
        await hub.close()

    asyncio.run(asyncio.wait_for(test(), 20))


def test_calls_are_routed_as_those_of_googles_client(looked: list[str]) -> None:
    hub = hub_of(cast(Database, Named()))

    assert hub.metadata == [
        ("google-cloud-resource-prefix", "projects/a-project/databases/(default)"),
        ("x-goog-request-params", "database=projects/a-project/databases/%28default%29"),
    ]
