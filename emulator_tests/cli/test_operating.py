"""The commands of operation, where all is well: with a terminal and without."""

from __future__ import annotations

import json
import runpy
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import grpc
import psutil
import pytest
from google.pubsub_v1.services.publisher import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from emulator_tests.cli.terminal import TERMINAL, assert_one_line, end_of, terminal
from emulator_tests.cli.towns import Towns
from onto_fn.firestore import Document, Query
from onto_fn.functions.app import app_of
from onto_fn.observability import Change
from onto_fn.testing import EmulatorSuite
from onto_fn.testing.eventually import Eventually

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
def test_status_says_whether_the_generated_indexes_are_deployed(
    towns: Towns, in_terminal: bool, tmp_path: Path
) -> None:
    file, deployed = tmp_path / "firestore.indexes.json", tmp_path / "deployed.json"
    (tmp_path / "firebase.json").write_text("{}")
    made = towns.run("generate", "indexes", "--folder", str(tmp_path))
    content = json.loads(file.read_text())
    words = ("status", "--folder", str(tmp_path), "--indexes", str(deployed))

    deployed.write_text(file.read_text())
    same = towns.run(*words, in_terminal=in_terminal)
    content["fieldOverrides"] = content["fieldOverrides"][1:]
    deployed.write_text(json.dumps(content))
    other = towns.run(*words, in_terminal=in_terminal)

    assert [ended.code for ended in (made, same, other)] == [0, 0, 0]
    assert "TownView" in same.out
    assert "all indexes of firestore.indexes.json are deployed" in same.out + same.err
    assert "missing" in other.out
    assert "1 entry; run `firebase deploy" in other.out + other.err


def test_two_processes_build_and_verify_an_app_and_say_what_they_were_billed(towns: Towns) -> None:
    for number in range(30):
        towns.write(f"towns/t{number}", name=f"T{number}")

    built = towns.run("backfill", "TownView", "--yes", "--json", "--workers", "2", "--page", "4")
    verified = towns.run("verify", "--json", "--settle", "0", "--workers", "2", "--page", "4")

    assert (built.code, verified.code) == (0, 0)
    [backfill], [verify] = built.records, verified.records
    roots = verify["roots"]
    assert roots >= 30
    assert (backfill["done"], backfill["complete"]) == (roots, True)
    assert backfill["writes_per_root"] >= 1.9
    assert verify["billed_reads"] >= 3 * roots
    assert verify["reads_per_root"] == round(verify["billed_reads"] / roots, 2)
    assert (verify["billed_writes"], verify["writes_per_root"]) == (0, 0)


def test_ctrl_c_ends_all_processes_and_the_same_command_goes_on(
    towns: Towns, eventually: Eventually
) -> None:
    def has_begun() -> bool:
        parts, _ = towns.database.query(Query("onto_backfills/TownView/parts"))
        return any((part.fields or {})["counts"]["done"] for part in parts)

    for number in range(400):
        towns.write(f"towns/c{number}", name=f"C{number}")
    words = ("backfill", "TownView", "--yes", "--workers", "2", "--page", "1")

    with terminal(*words, cwd=towns.folder, environ=towns.environ) as process:
        eventually(has_begun, deadline=60)
        children = psutil.Process(process.pid).children(recursive=True)
        process.sendintr()
        stopped = end_of(process)
    gone, alive = psutil.wait_procs(children, timeout=30)
    again = towns.run(*words, "--json")

    assert stopped.code == 130
    assert "run the same command again" in stopped.out
    assert len(gone) >= 2
    assert alive == []
    [record] = again.records
    assert (again.code, record["resumed"], record["complete"]) == (0, True, True)
    assert record["done"] == sum(1 for _ in towns.database.paths("towns"))


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
