"""`onto init` where files are already: what is added, merged, kept and refused."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import onto_fn
from onto_fn.cli import installation
from onto_fn.cli.adopting import plan_of
from onto_fn.cli.installation import Requirement
from onto_fn.cli.main import status_of
from onto_fn.cli.merging import excluded, merged
from onto_fn.cli.template_files import project_files

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
REQUIRED = Requirement.of_text("onto-fn==0.1.0")
OURS = project_files("town hall", REQUIRED, 8080, 5001)
QUICKSTART = (ROOT / "docs" / "quickstart.md").read_text()
INDEX = {
    "collectionGroup": "notes",
    "queryScope": "COLLECTION",
    "fields": [
        {"fieldPath": "kind", "order": "ASCENDING"},
        {"fieldPath": "at", "order": "ASCENDING"},
    ],
}
MADE_LATER = {"firestore.indexes.keep.json", "views.ts"}
HOOK = "functions/venv/bin/onto generate --check"

RULES_OF_FIREBASE = """\
rules_version='2'

service cloud.firestore {
  match /databases/{database}/documents {
    match /notes/{note} {
      // Don't {close} this.
      allow read: if resource.data.kind in ['public', '}'];
    }
  }
}
"""


def init(folder: Path, *options: str) -> int:
    return status_of(["init", str(folder), "--onto-fn", "onto-fn==0.1.0", *options])


@pytest.fixture(autouse=True)
def without_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def merge(name: str, theirs: Any, ours: str = "") -> dict[str, str]:
    text = theirs if isinstance(theirs, str) else json.dumps(theirs)
    found = merged(name, text, ours or OURS[name])
    assert found is not None
    return found


def test_the_ports_of_the_emulators_are_those_given_in_every_file(tmp_path: Path) -> None:
    assert init(tmp_path, "--firestore-port", "42180", "--functions-port", "42181") == 0

    text = "\n".join(content.decode() for content in contents(tmp_path).values())
    assert "Firestore's emulator has port 42180" in text
    assert json.loads((tmp_path / "firebase.json").read_text())["emulators"] == {
        "firestore": {"host": "127.0.0.1", "port": 42180},
        "functions": {"host": "127.0.0.1", "port": 42181},
        "ui": {"enabled": False},
    }
    assert re.findall(r"\b(8080|5001)\b", text) == []


def test_the_ports_of_a_project_that_exists_are_those_of_its_firebase_json(tmp_path: Path) -> None:
    (tmp_path / "firebase.json").write_text('{"emulators": {"firestore": {"port": 8765}}}')

    init(tmp_path)

    assert "Firestore's emulator has port 8765" in (tmp_path / "README.md").read_text()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--firestore-port", "8081"], "leave out --firestore-port"),
        (["--functions-port", "8765"], "both emulators have port 8765"),
    ],
)
def test_ports_that_cannot_be_are_refused(
    tmp_path: Path, options: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "firebase.json").write_text('{"emulators": {"firestore": {"port": 8765}}}')
    before = contents(tmp_path)

    assert init(tmp_path, *options) == 2
    assert problem in capsys.readouterr().err
    assert contents(tmp_path) == before


def test_without_a_terminal_no_file_that_exists_is_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "functions").mkdir()
    mine = {"README.md": "mine", "firebase.json": "{}", "functions/main.py": "print()\n"}
    for name, text in mine.items():
        (tmp_path / name).write_text(text)

    code = init(tmp_path, "--json")

    shown = json.loads(capsys.readouterr().out)
    assert code == 1
    assert sorted(shown["skipped"]) == sorted(mine)
    assert sorted(shown["files"]) == sorted(OURS.keys() - mine.keys())
    assert {name: (tmp_path / name).read_text() for name in mine} == mine
    assert (tmp_path / "functions" / "views.py").exists()


def test_what_was_skipped_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.md").write_text("mine")

    init(tmp_path)

    assert "unchanged: README.md; `onto init --dry-run` shows" in capsys.readouterr().err


def test_a_project_of_onto_init_is_not_changed_by_another(tmp_path: Path) -> None:
    init(tmp_path)
    before = contents(tmp_path)

    assert init(tmp_path) == 0
    assert contents(tmp_path) == before


def test_a_dry_run_shows_each_file_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text("mine\n")

    code = init(tmp_path, "--dry-run", "--yes")

    shown = capsys.readouterr().out
    assert code == 0
    assert contents(tmp_path) == {"README.md": b"mine\n"}
    assert "README.md: differs\n--- README.md (as it is)" in shown
    assert "\n-mine\n" in shown
    assert "firebase.json: new\n" in shown


def test_a_dry_run_for_programs_is_one_object_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    init(tmp_path, "--dry-run", "--json")

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["file"]: line["state"] for line in lines} == dict.fromkeys(OURS, "new")


def test_yes_merges_what_can_be_merged_and_replaces_the_rest(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "firebase.json").write_text('{"hosting": {"public": "web"}}')

    assert init(tmp_path, "--yes") == 0

    assert (tmp_path / "README.md").read_text().startswith("# test-yes")
    firebase = json.loads((tmp_path / "firebase.json").read_text())
    assert firebase["hosting"] == {"public": "web"}
    assert firebase["functions"][0]["predeploy"] == [HOOK]


def test_a_folder_where_a_file_belongs_is_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "seed.json").mkdir()
    (tmp_path / "tests").write_text("")

    assert init(tmp_path) == 2
    assert "a folder, but a file must be written there" in capsys.readouterr().err
    (tmp_path / "seed.json").rmdir()
    assert init(tmp_path) == 2
    assert "a file, but a folder must be created there" in capsys.readouterr().err
    assert list(contents(tmp_path)) == ["tests"]


def test_functions_in_javascript_are_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "package.json").write_text("{}")

    assert init(tmp_path, "--yes") == 2
    assert "functions in JavaScript: name a new folder" in capsys.readouterr().err
    assert list(contents(tmp_path)) == ["functions/package.json"]


def test_a_file_that_is_not_text_is_not_merged(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_bytes(b"\xff\xfe")

    (difference,) = plan_of(tmp_path, OURS).different

    assert difference.merge is None
    assert difference.diff() == ".gitignore is not text\n"


def test_line_ends_of_windows_are_no_difference(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_bytes(OURS["Makefile"].replace("\n", "\r\n").encode())

    assert plan_of(tmp_path, OURS).different == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["projects", "targets", "etags"]) | st.text(), JSON))
def test_a_merge_of_json_keeps_every_value_that_is_there(theirs: dict[str, Any]) -> None:
    both = json.loads(merge(".firebaserc", theirs)[".firebaserc"])

    assert kept(theirs, both)
    assert both.keys() >= json.loads(OURS[".firebaserc"]).keys()


def kept(theirs: Any, both: Any) -> bool:
    if isinstance(theirs, dict):
        return all(key in both and kept(value, both[key]) for key, value in theirs.items())
    return theirs == both


def test_a_merge_that_adds_nothing_keeps_comments_and_layout() -> None:
    theirs = '{ // ours\n "projects": {"default": "real"} }'

    assert merge(".firebaserc", theirs) == {".firebaserc": theirs}


def test_a_merge_adds_a_codebase_beside_those_of_other_folders() -> None:
    node = {"source": "node", "codebase": "default"}

    both = json.loads(merge("firebase.json", {"functions": node})["firebase.json"])

    assert both["functions"][0] == node
    assert both["functions"][1]["codebase"] == "onto"


def test_a_merge_leaves_a_deployed_codebase_its_name_and_its_hooks() -> None:
    theirs = {"functions": {"runtime": "python312", "predeploy": "make lint"}}

    (only,) = json.loads(merge("firebase.json", theirs)["firebase.json"])["functions"]

    assert only["runtime"] == "python312"
    assert only["predeploy"] == ["make lint", HOOK]
    assert "codebase" not in only
    assert "venv" in only["ignore"]


@pytest.mark.parametrize("several", [False, True])
def test_a_merge_adds_the_hook_to_each_database(several: bool) -> None:
    database = {"database": "(default)", "rules": "my.rules"}
    theirs = {"firestore": [database, database | {"database": "b"}] if several else database}

    found = json.loads(merge("firebase.json", theirs)["firebase.json"])["firestore"]

    for entry in found if several else [found]:
        assert entry["rules"] == "my.rules"
        assert entry["predeploy"] == [HOOK]


def test_indexes_that_were_written_by_hand_are_kept_in_a_file_of_their_own() -> None:
    theirs = json.dumps({"indexes": [INDEX]})

    files = merge("firestore.indexes.json", theirs)

    assert files["firestore.indexes.keep.json"] == theirs
    both, ours = json.loads(files["firestore.indexes.json"]), OURS["firestore.indexes.json"]
    assert both == json.loads(ours) | {"indexes": [INDEX]}


def test_kept_indexes_that_exist_are_not_replaced(tmp_path: Path) -> None:
    for name in ("firestore.indexes.json", "firestore.indexes.keep.json"):
        (tmp_path / name).write_text('{"indexes": [{"collectionGroup": "notes"}]}')

    (difference,) = plan_of(tmp_path, OURS).different

    assert difference.merge is None


def test_rules_that_were_written_by_hand_are_kept_between_the_marks() -> None:
    (text,) = merge("firestore.rules", RULES_OF_FIREBASE).values()

    before, _, kept = text.partition("// onto:keep-begin\n")
    assert "match /cityViews/{city_id}" in before
    assert kept.startswith("    match /notes/{note} {\n      // Don't {close} this.\n")
    assert kept.endswith("    }\n    // onto:keep-end\n  }\n}\n")


@pytest.mark.parametrize(
    "change",
    [
        ("'2'", "'1'"),  # means other documents by {document=**}
        ("{database}", "{db}"),
        ("match /notes", "function signedIn() { return true; }\n match /notes"),
        ("  match /databases", "function f() { return true; }\n  match /databases"),
        ("    }\n  }", "  }"),
    ],
    ids=lambda change: change[1].strip(),
)
def test_rules_that_cannot_be_kept_whole_are_not_merged(change: tuple[str, str]) -> None:
    assert (
        merged("firestore.rules", RULES_OF_FIREBASE.replace(*change), OURS["firestore.rules"])
        is None
    )


def onto(*arguments: str, folder: Path) -> str:
    program = [str(Path(sys.executable).parent / "onto"), *arguments]
    done = subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_rules_and_indexes_that_were_merged_are_as_the_app_declares(tmp_path: Path) -> None:
    (tmp_path / "firestore.rules").write_text(RULES_OF_FIREBASE)
    (tmp_path / "firestore.indexes.json").write_text(json.dumps({"indexes": [INDEX]}))
    init(tmp_path, "--yes")

    assert onto("generate", "--check", folder=tmp_path).count("up to date") == 2

    assert "match /notes/{note} {" in (tmp_path / "firestore.rules").read_text()
    indexes = json.loads((tmp_path / "firestore.indexes.json").read_text())["indexes"]
    assert [index["collectionGroup"] for index in indexes] == ["notes"]


def test_a_dry_run_lists_the_file_that_a_merge_of_indexes_makes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "firestore.indexes.json").write_text(json.dumps({"indexes": [INDEX]}))

    init(tmp_path, "--dry-run")

    shown = capsys.readouterr().out
    assert "firestore.indexes.keep.json: new, if firestore.indexes.json is merged\n" in shown
    assert "+++ firestore.indexes.keep.json (new)\n" in shown


OPEN_RULES = RULES_OF_FIREBASE.replace(
    "    match /notes",
    "    match /{document=**} {\n      allow read: if request.auth != null;\n    }\n"
    "    match /notes",
)


@pytest.mark.parametrize("options", [["--yes"], ["--dry-run"]])
def test_rules_that_open_all_collections_are_merged_with_a_loud_warning(
    tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "firestore.rules").write_text(OPEN_RULES)

    init(tmp_path, *options)

    shown = "".join(capsys.readouterr())
    line = (
        merge("firestore.rules", OPEN_RULES)["firestore.rules"]
        .splitlines()
        .index("      allow read: if request.auth != null;")
    )
    assert f"firestore.rules, line {line + 1}: WARNING: `allow read: if request.auth" in shown
    assert "Name your own collections" in shown


def test_generate_warns_of_kept_lines_that_open_all_collections(tmp_path: Path) -> None:
    (tmp_path / "firestore.rules").write_text(OPEN_RULES)
    init(tmp_path, "--yes")
    lines = (tmp_path / "firestore.rules").read_text().splitlines()
    place = lines.index("      allow read: if request.auth != null;") + 1

    for command in (["generate"], ["generate", "--check"]):
        program = [str(Path(sys.executable).parent / "onto"), *command]
        done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0  # a warning
        assert f"firestore.rules, line {place}: WARNING" in done.stderr


def test_rules_without_a_version_say_why_they_cannot_be_merged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = RULES_OF_FIREBASE.replace("rules_version='2'", "// rules_version='2'")
    (tmp_path / "firestore.rules").write_text(rules)

    init(tmp_path, "--dry-run")

    assert "it lacks rules_version = '2'" in capsys.readouterr().out
    other = RULES_OF_FIREBASE.replace("{database}", "{db}")
    (tmp_path / "firestore.rules").write_text(other)
    init(tmp_path, "--dry-run")
    assert "your lines outside of it" in capsys.readouterr().out


def test_what_is_on_one_line_in_firebase_json_stays_on_one() -> None:
    theirs = """{
  "hosting": {
    "ignore": ["firebase.json", "**/.*"],
    "rewrites": [{ "source": "**", "destination": "/index.html" }]
  },
  "emulators": {
    "auth": { "port": 9199 }
  }
}
"""

    (both,) = merge("firebase.json", theirs).values()

    before = [line.rstrip(",") for line in theirs.splitlines()[1:7]]
    assert [line.rstrip(",") for line in both.splitlines()][1:7] == before
    assert '"functions": { "host": "127.0.0.1", "port": 5001 }' in both


def ending(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    init(folder, *options)
    return capsys.readouterr().out.replace(str(folder), "HERE")


def test_the_closing_sentence_says_what_was_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending(tmp_path, capsys).startswith("HERE has a new project: `make test`")
    assert ending(tmp_path, capsys) == "HERE has all files already: nothing was written\n"
    (tmp_path / "seed.json").unlink()
    assert "HERE is complete (written: seed.json)" in ending(tmp_path, capsys)
    (tmp_path / "Makefile").write_text("mine:\n")
    assert "HERE keeps its files: nothing was written" in ending(tmp_path, capsys)
    (tmp_path / "seed.json").unlink()
    assert "HERE: seed.json is written. Next, install functions/req" in ending(tmp_path, capsys)
    assert "HERE: Makefile is written. Next, `make test`" in ending(tmp_path, capsys, "--yes")
    for name in OURS.keys() - {"Makefile"}:
        (tmp_path / name).unlink()
    (tmp_path / "README.md").write_text("mine")
    assert f"HERE: {len(OURS) - 2} files are written. Next" in ending(tmp_path, capsys)


def test_the_hooks_of_a_new_project_stop_a_deploy_whose_rules_are_stale(tmp_path: Path) -> None:
    init(tmp_path)
    (tmp_path / "functions" / "venv").symlink_to(Path(sys.executable).parent.parent)
    firebase = json.loads((tmp_path / "firebase.json").read_text())
    (command,) = {*firebase["firestore"]["predeploy"], *firebase["functions"][0]["predeploy"]}

    def hook() -> int:
        done = subprocess.run(command, cwd=tmp_path, shell=True, capture_output=True, check=False)
        return done.returncode

    assert hook() == 0
    views = tmp_path / "functions" / "views.py"
    views.write_text(views.read_text().replace("signed_in", "public"))
    assert hook() == 1


def test_the_graph_of_the_quickstart_is_the_one_that_onto_graph_prints(tmp_path: Path) -> None:
    init(tmp_path)

    (shown,) = re.findall(r"```mermaid\n(.*?)```", QUICKSTART, re.DOTALL)
    assert shown.strip() == onto("graph", folder=tmp_path).strip()


def test_the_pages_name_only_files_and_targets_of_a_new_project() -> None:
    targets = set(re.findall(r"^([a-z]+):", OURS["Makefile"], re.MULTILINE))
    quickstart = re.sub(
        r"## (A larger app|Other ways to install)\n(?s:.*?)(?=\n## |\Z)", "", QUICKSTART
    )

    assert {"help", "test", "dev", "generate", "check"} <= targets
    for page in (quickstart, OURS["README.md"]):
        commands = re.findall(r"(?:^|`)make ([a-z]+)", page, re.MULTILINE)
        assert set(commands) <= targets
        for row in re.findall(r"^\| (`.*?`) \|", page, re.MULTILINE):
            files = [name for name in re.findall(r"`([^`]+)`", row) if re.search(r"[./]", name)]
            assert set(files) <= OURS.keys() | MADE_LATER


@pytest.mark.parametrize(
    "own", ["onto-fn==0.0.9", "./vendor/onto_fn-0.0.9-py3-none-any.whl", "onto_fn[cli]"]
)
def test_requirements_name_the_library_once(own: str) -> None:
    name = "functions/requirements.txt"
    theirs = f"requests>=2\n{own}\nonto-fn-extras\n"

    lines = merge(name, theirs)[name].splitlines()

    assert lines[:2] == ["requests>=2", "onto-fn-extras"]
    assert [line for line in lines if "onto" in line] == ["onto-fn-extras", "onto-fn==0.1.0"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_merge_of_a_file_with_itself_changes_nothing(name: str) -> None:
    assert merged(name, OURS[name], OURS[name]) in (None, {name: OURS[name]})


def test_a_project_of_an_onto_from_a_repository_installs_the_same_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = {"url": "https://host/onto.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}
    installed = SimpleNamespace(read_text=lambda name: json.dumps(origin), version="0.1.0")
    monkeypatch.setattr(onto_fn, "__file__", str(tmp_path / "site-packages" / "onto_fn" / "x.py"))
    monkeypatch.setattr(installation, "distribution", lambda name: installed)

    required = installation.requirement(None, tmp_path)

    assert required.plain == "onto-fn @ git+https://host/onto.git@abc"
    assert required.with_tools == "onto-fn[cli,testing] @ git+https://host/onto.git@abc"


def test_the_pages_can_be_typed_from_the_first_line_on() -> None:
    first, second, *_ = re.findall(r"```sh\n(.*?)```", QUICKSTART, re.DOTALL)
    assert first.startswith("python3.11 -m venv .venv && . .venv/bin/activate")
    folder, path, command, *_ = second.splitlines()
    assert (folder, command.split()[0]) == ("cd ../town-hall", "onto")
    assert path == 'export PATH="$PATH:$PWD/functions/venv/bin"'
    for page in (QUICKSTART, OURS["README.md"]):
        assert "paste the `export …` line that" in " ".join(page.split()).lower()


def test_the_wheel_needs_neither_node_nor_firebase_tools() -> None:
    makefile = (ROOT / "Makefile").read_text()

    (needs,) = re.findall(r"^wheel: (.*?) ##", makefile, re.MULTILINE)
    assert needs == "python"


@pytest.mark.skipif(
    not (WEB / "node_modules" / ".bin" / "tsc").exists() or not shutil.which("node"),
    reason="TypeScript is installed by `make setup`",
)
def test_the_typescript_of_the_quickstart_compiles_as_it_is_printed(tmp_path: Path) -> None:
    init(tmp_path)
    onto("generate", "types", folder=tmp_path)
    (use,) = re.findall(r"```ts\n(.*?)```", QUICKSTART, re.DOTALL)
    (tmp_path / "use.ts").write_text(use)
    (tmp_path / "node_modules").symlink_to(WEB / "node_modules")
    options = ["--strict", "--noEmit", "--module", "esnext", "--moduleResolution", "bundler"]
    options += ["--target", "es2022", "--lib", "es2022,dom", "--skipLibCheck", "--types", ""]

    done = subprocess.run(
        ["node", WEB / "node_modules" / ".bin" / "tsc", *options, "use.ts"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("line", "is_told"),
    [
        ("firebase_functions~=0.1.0", True),
        ("firebase-functions<0.4", True),
        ("Firebase.Functions == 0.3.*", True),
        ("firebase_functions~=0.5.0", False),
        ("firebase-functions>=0.2", False),
        ("firebase-functions", False),
        ("firebase-admin==6.0", False),
        ("-r other.txt", False),
        ("# firebase_functions~=0.1.0", False),
    ],
)
def test_a_requirement_that_excludes_what_onto_fn_needs_is_told_with_its_line(
    line: str, is_told: bool
) -> None:
    needed = ["firebase-functions>=0.4", 'rich>=14; extra == "cli"']

    told = excluded("functions/requirements.txt", f"flask\n{line}\n", needed)

    assert len(told) == is_told
    if is_told:
        assert told[0].startswith("functions/requirements.txt, line 2: ")
        assert ">=0.4" in told[0]
