"""Scenario "Counter": votes through running functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from google.cloud.firestore import Client

from onto_fn.testing import EmulatorSuite
from onto_fn.testing.eventually import Eventually

APP = Path(__file__).parents[1] / "apps" / "counter.py"
VOTERS = 300


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory, project_folder: Callable[[Path, str], Path]
) -> Generator[Client]:
    folder = project_folder(tmp_path_factory.mktemp("counter"), APP.read_text())
    with EmulatorSuite(folder) as suite:
        yield suite.client()


def test_hundreds_vote_change_their_minds_and_withdraw_at_once(
    client: Client, eventually: Eventually
) -> None:
    votes = client.collection("polls/tea/votes")

    def vote(number: int) -> str | None:
        document = votes.document(f"voter{number:03}")
        document.set({"option": "green" if number % 3 else "black"})
        if number % 5 == 0:
            document.set({"option": "white"})
        if number % 7 == 0:
            document.delete()
            return None
        return "white" if number % 5 == 0 else "green" if number % 3 else "black"

    client.document("polls/tea").set({})
    with ThreadPoolExecutor(16) as threads:
        counts = Counter(option for option in threads.map(vote, range(VOTERS)) if option)

    eventually(
        lambda: (
            client.document("pollResults/tea").get().to_dict()
            == {"counts": dict(counts), "total": counts.total()}
        ),
        deadline=90,
    )
