"""`firebase.json` as people write it: what it names is what is generated."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from onto_fn import App, DeclarationError, DomainModel, Store, ViewMediator, ViewModel, root
from onto_fn.cli.main import cli, status_of
from onto_fn.firebase_json import firestore_files, parse, read_firebase_json
from onto_fn.generate import generated_files
from onto_fn.testing.emulators.config import configured_ports, read_config


@pytest.fixture(autouse=True)
def _no_module_stays() -> Generator[None]:
    """Each test loads an app of its own as the module `main`, from a folder of its own."""
    before, path = sys.modules.pop("main", None), list(sys.path)
    yield
    sys.path[:] = path
    sys.modules.pop("main", None)
    if before is not None:
        sys.modules["main"] = before


MAIN = """
from onto_fn import *
from onto_fn.access import public
class Team(DomainModel, collection="teams"):
    title: str
class TeamStore(Store):
    team = root(Team)
class Page(ViewModel[TeamStore], path="pages/{id}", read=public()):
    @property
    def title(self) -> str:
        return "T"
    def targets(self):
        return []
App([ViewMediator(Page)]).export(globals())
"""


class Team(DomainModel, collection="teams"):
    title: str


class TeamStore(Store):
    team = root(Team)


class Page(ViewModel[TeamStore], path="pages/{id}"):
    @property
    def title(self) -> str:
        return "T"

    def targets(self) -> list[dict[str, str]]:
        return []


def project(folder: Path, config: object) -> Path:
    text = config if isinstance(config, str) else json.dumps(config)
    (folder / "firebase.json").write_text(text, encoding="utf-8")
    return folder


def names(folder: Path, database: str = "(default)") -> list[str]:
    files = firestore_files(folder, database)
    found = (files.rules, files.indexes, files.kept_indexes)
    return [str(path.relative_to(folder)) for path in found]


USUAL = ["firestore.rules", "firestore.indexes.json", "firestore.indexes.keep.json"]


def test_without_names_the_files_have_the_usual_ones(tmp_path: Path) -> None:
    assert names(tmp_path) == USUAL
    assert names(project(tmp_path, {"firestore": {}})) == USUAL
    assert names(project(tmp_path, {"hosting": {}})) == USUAL


def test_the_files_that_it_names_are_the_files(tmp_path: Path) -> None:
    firestore = {"rules": "rules/main.rules", "indexes": "config/all.json"}

    expected = ["rules/main.rules", "config/all.json", "config/all.keep.json"]
    assert names(project(tmp_path, {"firestore": firestore})) == expected


def test_comments_and_trailing_commas_are_no_fault(tmp_path: Path) -> None:
    text = """\ufeff{
      // the rules, as in "https://example.com"
      "firestore": {
        "rules": "a//b.rules", /* not "this"
        one */ "indexes": "c,]d\\\\", // "quoted"
      },
      "emulators": {"firestore": {"port": 8080,},},
    }"""
    folder = project(tmp_path, text)

    assert read_firebase_json(folder)["firestore"] == {"rules": "a//b.rules", "indexes": "c,]d\\"}
    assert configured_ports(read_config(folder)) == {"firestore": 8080}


def test_of_several_databases_the_apps_own_counts(tmp_path: Path) -> None:
    entries = [
        {"database": "(default)", "rules": "main.rules", "indexes": "main.json"},
        {"database": "eu", "rules": "eu.rules", "indexes": "eu.json"},
        {"target": "small", "rules": "small.rules", "indexes": "small.json"},
    ]
    targets = {"targets": {"prod": {"firestore": {"small": ["one", "two"]}}}}
    (tmp_path / ".firebaserc").write_text(json.dumps(targets))
    folder = project(tmp_path, {"firestore": entries})

    assert names(folder)[0] == "main.rules"
    assert names(folder, "eu")[0] == "eu.rules"
    assert names(folder, "two")[0] == "small.rules"
    with pytest.raises(DeclarationError, match=r"databases .default., eu, one, two, and the app"):
        names(folder, "us")
    app = App([ViewMediator(Page)], database="eu")
    assert [file.path.name for file in generated_files(app, folder)] == ["eu.rules", "eu.json"]


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ("{", "firebase.json is not valid JSON: .*line 1"),
        ('{\n/* a\nb */ "x" }', "not valid JSON: .*line 3"),
        ("[]", "does not contain a JSON object"),
        ("", "not valid JSON"),
        ('{"firestore": "x"}', "firestore is 'x'"),
        ('{"firestore": {"rules": 1}}', "firestore.rules is 1"),
        ('{"firestore": []}', r"names the databases \(none\)"),
        ('{"firestore": {"database": "eu"}}', "names the databases eu"),
        ('{"firestore": [{"target": "t"}, 1]}', r"\(none\)"),
    ],
)
def test_what_it_cannot_be_is_said_on_one_line(tmp_path: Path, config: str, problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem) as caught:
        firestore_files(project(tmp_path, config))

    assert "\n" not in str(caught.value)


def test_a_text_keeps_what_looks_like_a_comment_or_a_comma() -> None:
    text = r'{"a": "// no", "b": "/* no */ ,]", "c\"//": "\\"}'

    assert parse(text, Path("x")) == json.loads(text)


def test_generate_writes_and_checks_what_firebase_json_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "main", raising=False)
    (tmp_path / "main.py").write_text(MAIN)
    config = '{"firestore": {"rules": "our.rules", "indexes": "our.json",}, /* all */}'
    project(tmp_path, config)
    arguments = ["generate", "--app", str(tmp_path / "main.py"), "--folder", str(tmp_path)]

    written = CliRunner().invoke(cli, arguments)
    checked = CliRunner().invoke(cli, [*arguments, "--check"])
    (tmp_path / "our.rules").write_text("// onto:keep-begin\n// onto:keep-end\n")
    stale = CliRunner().invoke(cli, [*arguments, "--check"])

    assert written.exit_code == checked.exit_code == 0, written.output
    assert (tmp_path / "our.json").exists()
    assert not (tmp_path / "firestore.rules").exists()
    assert "our.rules: up to date" in checked.output
    assert "our.rules: stale" in stale.output


@pytest.mark.parametrize("command", [["dev"], ["generate", "--app"]])
def test_a_firebase_json_that_cannot_be_read_is_no_traceback(
    tmp_path: Path,
    command: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ONTO_FN_LOG", "")  # which `onto dev` sets for its functions
    (tmp_path / "main.py").write_text(MAIN)
    project(tmp_path, "{ oops")
    where = [str(tmp_path)]
    if command[0] == "generate":
        where = [str(tmp_path / "main.py"), "--folder", str(tmp_path)]

    assert status_of([*command, *where]) != 0

    said = capsys.readouterr().err
    assert "firebase.json is not valid JSON" in said
    assert "Traceback" not in said
