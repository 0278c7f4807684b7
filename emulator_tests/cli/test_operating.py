"""The commands of operation, where all is well: with a terminal and without."""

from __future__ import annotations

import json
import runpy
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.pubsub_v1.services.publisher import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from emulator_tests.cli.terminal import TERMINAL, assert_one_line
from emulator_tests.cli.towns import Towns
from onto_fn.firestore import Document, Query
from onto_fn.functions.app import app_of
from onto_fn.observability import Change
from onto_fn.testing import EmulatorSuite

LETTER = "TownView~towns%2Foslo"


@TERMINAL
def test_views_are_built_verified_and_counted(towns: Towns, in_terminal: bool) -> None:
    towns.write("towns/bergen", name="Bergen")

    built = towns.run("backfill", "TownView", "--yes", in_terminal=in_terminal)
    verified = towns.run("verify", "--settle", "0", in_terminal=in_terminal)
    status = towns.run("status", in_terminal=in_terminal)

    assert [ended.code for ended in (built, verified, status)] == [0, 0, 0]
    assert towns.database.get(["townViews/bergen"])[0]["townViews/bergen"].exists
    assert "TownView" in status.out


@TERMINAL
def test_dead_letters_are_listed_shown_replayed_and_discarded(
    towns: Towns, in_terminal: bool
) -> None:
    towns.write("towns/oslo", name=17)
    towns.materialise("towns/oslo")

    listed, shown, replayed, discarded = (
        towns.run("dead-letters", *words, in_terminal=in_terminal)
        for words in (["list"], ["show", LETTER], ["replay", LETTER], ["discard", LETTER, "--yes"])
    )

    # Replayed, it is a dead letter again, as nothing was mended.
    assert [ended.code for ended in (listed, shown, replayed, discarded)] == [0, 0, 1, 0]
    assert LETTER in listed.out
    assert "name" in shown.out
    path = f"onto_dead_letters/{LETTER}"
    assert not towns.database.get([path])[0][path].exists


SENDING = """\
import os

from onto_fn import App, DomainModel, FanOut, Store, ViewMediator, ViewModel, root
from onto_fn.messaging import TopicSink


class Town(DomainModel, collection="towns"):
    name: str


class TownStore(Store):
    town = root(Town)


class SentTown(ViewModel[TownStore], path="sentTowns/{town_id}"):
    @property
    def title(self) -> str:
        return self.store.town.name


App([ViewMediator(SentTown, sends=[TopicSink("towns")])], fan_out=FanOut()).export(globals())
"""


@pytest.fixture
def sending(towns: Towns) -> Towns:
    """An app that sends a message about Oslo, which waits in the outbox and has a dead letter."""
    file = towns.folder / "functions" / "sending.py"
    file.write_text(SENDING)
    app = app_of(runpy.run_path(str(file))["on_towns_written"])
    assert app is not None
    app.handle_change(towns.database, Change("towns/oslo", None, None, "event-2"))
    [entry], _ = towns.database.query(Query("onto_outbox"))
    app.handle_change(towns.database, Change(entry.path, Document(entry.path, None, None), entry))
    return towns


WORDS = ("--app", "functions/sending.py")


@pytest.fixture
def no_credentials(sending: Towns, tmp_path: Path) -> Towns:
    """Credentials that lead to nowhere: whoever looks for them is told of."""
    trap = tmp_path / "trap.json"
    trap.write_text('{"type": "trap"}')
    environ = sending.environ | {"GOOGLE_APPLICATION_CREDENTIALS": str(trap)}
    return replace(sending, environ=environ)


@TERMINAL
def test_a_message_of_an_emulated_database_never_reaches_google(
    no_credentials: Towns, in_terminal: bool
) -> None:
    replayed = no_credentials.run(
        "dead-letters", "replay", "--all", *WORDS, in_terminal=in_terminal
    )

    assert replayed.code == 1
    assert "PUBSUB_EMULATOR_HOST" in replayed.out
    assert "Traceback" not in replayed.out + replayed.err


def test_a_distributed_backfill_of_an_emulated_database_never_reaches_google(
    no_credentials: Towns,
) -> None:
    ended = no_credentials.run("backfill", "SentTown", "--distributed", "--yes", *WORDS)

    assert ended.code == 2
    assert "PUBSUB_EMULATOR_HOST is not set" in assert_one_line(ended, in_terminal=False)


@pytest.fixture(scope="module")
def pubsub_emulator(tmp_path_factory: pytest.TempPathFactory) -> Generator[EmulatorSuite]:
    root = Path(__file__).resolve().parents[2]
    with EmulatorSuite(root, only=("pubsub",), log_dir=tmp_path_factory.mktemp("pubsub")) as suite:
        yield suite


def test_the_pubsub_emulator_of_the_project_is_found_by_its_firebase_json(
    no_credentials: Towns, pubsub_emulator: EmulatorSuite
) -> None:
    project = no_credentials.database.project
    publisher = PublisherClient(
        transport=PublisherGrpcTransport(channel=grpc.insecure_channel(pubsub_emulator.pubsub_host))
    )
    publisher.create_topic(name=f"projects/{project}/topics/towns")
    port = int(pubsub_emulator.pubsub_host.rpartition(":")[2])
    config = no_credentials.folder / "firebase.json"
    config.write_text(json.dumps({"emulators": {"pubsub": {"port": port}}}))
    try:
        replayed = no_credentials.run("dead-letters", "replay", "--all", *WORDS)
    finally:
        config.unlink()

    assert replayed.code == 0
    assert "resolved" in replayed.out
    assert no_credentials.database.query(Query("onto_outbox"))[0] == []
