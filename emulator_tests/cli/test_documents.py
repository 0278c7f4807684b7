"""`onto get`, `set` and `delete`, as from a second terminal beside `onto dev`."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import pytest
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector

from emulator_tests.cli.terminal import TERMINAL, Many, clean_environ
from emulator_tests.cli.towns import Towns
from onto_fn.firestore.documents import Reference

EVERY_KIND = {
    "text": "Oslo",
    "number": 12,
    "real": 1.0,
    "big": 2**53 + 1,
    "nothing": None,
    "is_capital": True,
    "names": ["Kristiania", {"$ref": "towns/bergen"}],
    "at": {"$timestamp": "2026-01-01T00:00:00.500000Z"},
    "place": {"$geopoint": [59.9, 10.7]},
    "raw": {"$bytes": "aGk="},
    "near": {"$vector": [0.5, 1.0]},
    "unknown": {"$double": "NaN"},
    "inner": {"a": {"b": 1}},
    "odd": {"$map": {"$ref": "no reference"}},
}


def fields_of(towns: Towns, path: str) -> dict:
    fields = towns.database.get([path])[0][path].fields
    assert fields is not None
    return dict(fields)


@TERMINAL
def test_a_document_that_is_set_is_read_deleted_and_missing(
    towns: Towns, in_terminal: bool
) -> None:
    name = 'name="Bergen"'
    done = towns.run("set", "towns/bergen", name, "people=291189", in_terminal=in_terminal)
    assert done.code == 0, done

    read = towns.run("get", "towns/bergen", "--json", in_terminal=in_terminal)
    deleted = towns.run("delete", "towns/bergen", in_terminal=in_terminal)
    missing = towns.run("get", "towns/bergen", in_terminal=in_terminal)

    (record,) = read.records
    assert (record["path"], record["fields"]) == (
        "towns/bergen",
        {"name": "Bergen", "people": 291189},
    )
    assert deleted.code == 0
    assert missing.code == 1
    assert "there is no towns/bergen in" in (missing.out if in_terminal else missing.err)


def test_set_keeps_the_fields_that_are_not_named(towns: Towns) -> None:
    towns.write("towns/oslo", name="Oslo", address={"city": "a", "street": "b"}, people=1)

    ended = towns.run("set", "towns/oslo", 'address.city="c"', 'map={"x": 1}')

    assert ended.code == 0, ended
    assert fields_of(towns, "towns/oslo") == {
        "name": "Oslo",
        "people": 1,
        "address": {"city": "c", "street": "b"},
        "map": {"x": 1},
    }

    assert towns.run("set", "towns/oslo", "people=2", "--replace").code == 0
    assert fields_of(towns, "towns/oslo") == {"people": 2}


def test_every_kind_of_value_is_set_and_read_as_it_was(towns: Towns) -> None:
    words = [f"{name}={json.dumps(value)}" for name, value in EVERY_KIND.items()]

    assert towns.run("set", "towns/all", *words).code == 0
    stored = fields_of(towns, "towns/all")
    read = towns.run("get", "towns/all", "--json").records[0]["fields"]

    assert read == EVERY_KIND
    assert math.isnan(stored.pop("unknown"))
    assert (type(stored["number"]), type(stored["real"])) == (int, float)
    assert stored["names"][1] == Reference("towns/bergen")
    assert stored["at"] == datetime(2026, 1, 1, 0, 0, 0, 500000, UTC)
    assert (stored["place"], stored["raw"]) == (GeoPoint(59.9, 10.7), b"hi")
    assert stored["near"] == Vector([0.5, 1.0])
    assert stored["odd"] == {"$ref": "no reference"}


@TERMINAL
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["towns", "a=1"], "'towns' is not the path of a document"),
        (["towns/a", "name"], "'name' is not FIELD=JSON"),
        (["towns/a", "name=Oslo"], """as in name='"text"'"""),
        (["towns/a", 'at={"$timestamp": "soon"}'], "towns/a, field at: "),
        (["towns/a", 'x={"$date": 1}'], "$timestamp"),
        (["towns/a", "a=1", "a.b=2"], "towns/a: a.b is inside a field that is also given"),
        (["towns/a", "a=1", "a=2"], "towns/a: a is given twice"),
    ],
)
def test_what_cannot_be_set_says_so_on_one_line(
    towns: Towns, words: list[str], says: str, in_terminal: bool
) -> None:
    ended = towns.run("set", *words, in_terminal=in_terminal)

    shown = ended.out if in_terminal else ended.err
    assert (ended.code, len(shown.splitlines())) == (2, 1)
    assert says in shown
    assert not towns.database.get(["towns/a"])[0]["towns/a"].exists


def test_the_emulator_of_firebase_json_and_its_project_are_found(
    towns: Towns, many: Many, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("found")
    host, _, port = towns.environ["FIRESTORE_EMULATOR_HOST"].partition(":")
    config = {"emulators": {"firestore": {"host": host, "port": int(port)}}}
    (folder / "firebase.json").write_text(json.dumps(config))
    name = towns.database.project.removeprefix("demo-")
    (folder / ".firebaserc").write_text(json.dumps({"projects": {"default": name}}))

    environ = clean_environ(folder)
    ended = many.run("get", "towns/oslo", cwd=folder, environ=environ, in_terminal=False)

    assert ended.code == 0, ended
    assert json.loads(ended.out) == {"name": "Oslo"}


@pytest.fixture
def real(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The writes that reach a database which is taken for a real one."""
    from onto_fn.cli.commands import documents

    written: list[str] = []
    opened = documents.OpenedDatabase(towns.database, None)

    class Opening:
        def __enter__(self) -> object:
            return opened

        def __exit__(self, *args: object) -> None: ...

    monkeypatch.setattr(documents, "open_database", lambda **_: Opening())
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115
    monkeypatch.setattr(documents, "_write", lambda *_, **__: written.append("set"))
    return written


@pytest.mark.parametrize("words", [["set", "towns/oslo", "a=1"], ["delete", "towns/oslo"]])
def test_a_real_database_is_not_written_unless_it_is_confirmed(
    towns: Towns, real: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    from onto_fn.cli.main import status_of

    assert status_of(words) == 2
    assert "which is not an emulator" in capsys.readouterr().err
    assert real == []
    assert fields_of(towns, "towns/oslo") == {"name": "Oslo"}

    assert status_of([*words, "--yes"]) == 0
