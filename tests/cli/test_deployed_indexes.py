"""What `onto status --indexes` says of the indexes that are deployed."""

from __future__ import annotations

import io
import json
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from onto_fn.cli.commands import status as status_command
from onto_fn.cli.deployed_indexes import Deployed
from onto_fn.cli.errors import CommandError
from onto_fn.cli.main import status_of
from onto_fn.cli.output import Output

Json = dict[str, Any]

EXEMPT: Json = {"collectionGroup": "onto_ledger", "fieldPath": "*", "indexes": []}
EXPIRING: Json = {"collectionGroup": "c", "fieldPath": "at", "indexes": [], "ttl": True}
OWN: Json = {"collectionGroup": "own", "fieldPath": "a", "indexes": [{"order": "ASCENDING"}]}
GROUP: Json = {"order": "ASCENDING", "queryScope": "COLLECTION_GROUP"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "firestore.indexes.json").write_text(of(EXEMPT, EXPIRING))
    return tmp_path


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A real database, as far as an app without views asks it for anything."""
    found = SimpleNamespace(project="shop", database="(default)")
    app = SimpleNamespace(engine=SimpleNamespace(retry=None))
    place = SimpleNamespace(app=app, database=found, emulator=None, place="shop in Firestore")

    @contextmanager
    def opening(*_: object, **__: object) -> Any:
        yield place

    monkeypatch.setattr(status_command, "open_app", opening)
    monkeypatch.setattr("onto_fn.engine.operate.backfill.targets_of", lambda _: [])
    monkeypatch.setattr("onto_fn.engine.operate.status.letters_of_events", lambda _: 0)
    return found


def of(*fields: Json) -> str:
    return json.dumps({"indexes": [], "fieldOverrides": fields})


def status(folder: Path, deployed: str, *words: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(deployed))
    return status_of(["status", "--folder", str(folder), "--indexes", "-", *words])


def test_status_says_that_all_indexes_are_deployed(
    folder: Path,
    database: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    there = of(EXPIRING, EXEMPT | {"ttl": False})

    assert status(folder, there, monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().err == "all indexes of firestore.indexes.json are deployed\n"


def test_status_names_what_is_missing_different_and_extra(
    folder: Path,
    database: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    there = of(EXPIRING | {"ttl": False}, OWN)

    assert status(folder, there, monkeypatch=monkeypatch) == 0
    shown = capsys.readouterr()
    lines = [line.split() for line in shown.out.splitlines()]
    assert ["missing", "onto_ledger.*:", "no", "index"] in lines
    assert ["different", "c.at:", "no", "index,", "TTL", "c.at:", "no", "index"] in lines
    assert ["extra", "own.a:", "ASCENDING"] in lines
    assert "2 entries; run `firebase deploy --only firestore:indexes`" in shown.err
    assert "firestore.indexes.keep.json" in shown.err


def test_status_prints_an_object_for_each_entry_with_json(
    folder: Path,
    database: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    there = of(EXPIRING | {"ttl": False}, OWN)

    assert status(folder, there, "--json", monkeypatch=monkeypatch) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"indexes": "missing", "declared": EXEMPT, "deployed": None},
        {"indexes": "different", "declared": EXPIRING, "deployed": EXPIRING | {"ttl": False}},
        {"indexes": "extra", "declared": None, "deployed": OWN},
    ]


def test_status_reads_what_is_deployed_from_a_file(
    folder: Path, database: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed = folder / "deployed.json"
    deployed.write_text(of(EXPIRING, EXEMPT))

    assert status_of(["status", "--folder", str(folder), "--indexes", str(deployed)]) == 0
    assert "are deployed" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "option"), [("(default)", ""), ("two", " --database two")])
def test_status_of_a_real_database_says_how_to_check_its_indexes(
    database: SimpleNamespace, name: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    database.database = name

    assert status_of(["status"]) == 0
    assert capsys.readouterr().err == (
        f"to check the deployed indexes: `firebase firestore:indexes --project shop{option} | "
        f"onto status --indexes -`\n"
    )


def test_a_difference_that_a_deploy_overlooks_has_a_remedy_of_its_own(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "firestore.indexes.json").write_text(of(OWN | {"indexes": [GROUP]}))
    (folder / "deployed.json").write_text(of(OWN))

    Deployed.read(folder, "(default)", str(folder / "deployed.json")).show(Output())

    assert (
        "own.a: ASCENDING (group): `firebase deploy` takes what is deployed"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("text", ["", "Error: no permission", "[]", "{}", '{"status": "error"}'])
def test_what_is_no_list_of_indexes_ends_the_command(folder: Path, text: str) -> None:
    (folder / "deployed.json").write_text(text)

    with pytest.raises(CommandError, match=r"deployed\.json .*: run `firebase firestore:indexes`"):
        Deployed.read(folder, "(default)", str(folder / "deployed.json"))


def test_a_file_that_is_not_there_ends_the_command(folder: Path) -> None:
    with pytest.raises(CommandError, match=r"cannot read gone\.json"):
        Deployed.read(folder, "(default)", "gone.json")
    (folder / "deployed.json").write_text(of())
    (folder / "firestore.indexes.json").unlink()
    with pytest.raises(CommandError, match="run `onto generate indexes`"):
        Deployed.read(folder, "(default)", str(folder / "deployed.json"))
