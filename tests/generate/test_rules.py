"""The rules that are made from declarations, and what is kept of a file."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from onto_fn import (
    App,
    DeclarationError,
    DomainModel,
    Form,
    FormMediator,
    Store,
    ViewMediator,
    ViewModel,
    root,
)
from onto_fn.access import Access, claim, members, owner, public, role, signed_in
from onto_fn.generate import generated_files, rules_text

ROOT = Path(__file__).resolve().parents[2]


class Team(DomainModel, collection="teams"):
    title: str = "Blue"


class TeamStore(Store):
    team = root(Team)


def page(path: str, read: Access | None = None, **keywords: Any) -> type[ViewModel[TeamStore]]:
    class Page(ViewModel[TeamStore], path=path, read=read, **keywords):
        @property
        def title(self) -> str:
            return "T"

        @property
        def member_ids(self) -> list[str]:
            return []

        @property
        def guests(self) -> dict[str, bool]:
            return {}

        def targets(self) -> list[dict[str, str]]:
            return []

    return Page


def rules(*views: type[ViewModel[TeamStore]]) -> str:
    return rules_text(App([ViewMediator(view) for view in views]))


def allows_of(text: str, path: str) -> list[str]:
    """The statements of a block, each on one line."""
    block = text.split(f"match {path} {{")[1].split("}\n")[0]
    return [" ".join(allow.split()) for allow in block.split(";") if "allow" in allow]


def test_the_meeting_rooms_files_are_as_it_declares() -> None:
    from main import app

    for file in generated_files(app, ROOT):
        assert not file.is_stale, f"run `make generate`\n{file.diff()}"


@pytest.mark.parametrize(
    ("access", "expected"),
    [
        (public(), ["allow get, list: if true"]),
        (signed_in(), ["allow get, list: if signedIn()"]),
        (role("admin"), ["allow get, list: if hasClaim('admin', true)"]),
        (claim("tier", "it's"), [r"allow get, list: if hasClaim('tier', 'it\'s')"]),
        (claim("level", 3), ["allow get, list: if hasClaim('level', 3)"]),
        (owner("team_id"), ["allow get: if isUser(team_id)"]),
        (
            owner("team_id") | role("admin"),
            [
                "allow get: if isUser(team_id) || hasClaim('admin', true)",
                "allow list: if hasClaim('admin', true)",
            ],
        ),
        (
            members("member_ids"),
            ["allow get, list: if request.auth.uid in resource.data.memberIds"],
        ),
        (members("guests"), ["allow get: if resource.data.guests[request.auth.uid] != false"]),
    ],
)
def test_a_view_is_listed_only_where_that_can_be_decided(
    access: Access, expected: list[str]
) -> None:
    assert allows_of(rules(page("pages/{team_id}", access)), "/pages/{team_id}") == expected


def test_one_document_a_user_is_got_and_never_listed() -> None:
    text = rules(page("users/{user_id}/Page/view", owner("user_id")))

    assert allows_of(text, "/users/{user_id}/Page/view") == ["allow get: if isUser(user_id)"]


def test_a_collection_group_is_opened_only_if_that_is_declared() -> None:
    view = page("users/{user_id}/pages/{team_id}", owner("user_id"), read_group=role("admin"))

    assert allows_of(rules(view), "/{path=**}/pages/{team_id}") == [
        "allow list: if hasClaim('admin', true)"
    ]
    assert "{path=**}" not in rules(page("users/{user_id}/pages/{team_id}", owner("user_id")))


def test_a_view_without_access_is_named_and_not_matched() -> None:
    text = rules(page("pages/{team_id}"))

    assert "match /pages" not in text
    assert "//   pages/{team_id} (Page, without read=)" in text


def test_no_functions_are_defined_that_nothing_uses() -> None:
    assert "function " not in rules(page("pages/{team_id}", public()))


def test_a_variable_that_rules_use_for_something_else_is_renamed() -> None:
    text = rules(page("pages/{request}", owner("request")))

    assert allows_of(text, "/pages/{request_}") == ["allow get: if isUser(request_)"]


def test_a_group_that_would_open_domain_documents_is_refused() -> None:
    with pytest.raises(DeclarationError, match="documents of Team"):
        rules(page("users/{user_id}/teams/{team_id}", None, read_group=signed_in()))


class NoteForm(Form, path="users/{user_id}/noteForms/{note_id}", create=owner("user_id")):
    text: str

    def submit(self, request: object) -> list[DomainModel]:
        return [Team(title=self.text)]


class ClosedForm(NoteForm, path="closed/{note_id}"):
    pass


def test_a_request_is_created_and_got_by_its_owner_and_never_changed() -> None:
    text = rules_text(App([FormMediator(NoteForm)]))

    allows = allows_of(text, "/users/{user_id}/noteForms/{note_id}")
    assert allows == [
        "allow get: if isUser(user_id)",
        "allow create: if isUser(user_id) && note_id.matches('(?s).{1,128}') "
        "&& isNoteForm(request.resource.data)",
    ]


def test_a_request_that_nobody_may_create_is_named_and_not_matched() -> None:
    text = rules_text(App([FormMediator(ClosedForm)]))

    assert "match /closed" not in text
    assert "//   closed/{note_id} (ClosedForm, without create=)" in text


class AnywhereForm(NoteForm, path="{collection}/{note_id}", create=public()):
    pass


def test_a_request_that_could_be_in_the_ledger_is_refused() -> None:
    with pytest.raises(DeclarationError, match="open collections of onto_fn"):
        rules_text(App([FormMediator(AnywhereForm)]))


class PageForm(NoteForm, path="pages/{note_id}", create=signed_in()):
    pass


def test_a_view_and_a_request_at_one_path_would_open_each_other_and_are_refused() -> None:
    app = App([ViewMediator(page("pages/{team_id}", public())), FormMediator(PageForm)])

    with pytest.raises(DeclarationError, match="Page and PageForm are both at"):
        rules_text(app)


# The files


@pytest.fixture
def app() -> App:
    return App([ViewMediator(page("pages/{team_id}", public()))])


def test_what_is_written_by_hand_stays(app: App, tmp_path: Path) -> None:
    rules_file = tmp_path / "firestore.rules"
    for file in generated_files(app, tmp_path):
        file.write()
    own = "    match /own/{id} { allow read: if true; }  // 東京\n"
    text = rules_file.read_text().replace(
        "// onto:keep-end", f"{own.strip()}\n    // onto:keep-end"
    )
    rules_file.write_text(text.replace("'2';", "'2';\n// edited elsewhere"))
    (tmp_path / "firestore.indexes.keep.json").write_text(
        json.dumps({"fieldOverrides": [{"collectionGroup": "o", "fieldPath": "f", "indexes": []}]})
    )

    files = generated_files(app, tmp_path)

    assert [file.is_stale for file in files] == [True, True]
    assert "-// edited elsewhere" in files[0].diff()
    for file in files:
        file.write()
    assert own in rules_file.read_text()
    assert "edited elsewhere" not in rules_file.read_text()
    assert '"collectionGroup": "o"' in (tmp_path / "firestore.indexes.json").read_text()
    assert not any(file.is_stale for file in generated_files(app, tmp_path))


def test_an_indexes_file_without_entries_is_replaced(app: App, tmp_path: Path) -> None:
    (tmp_path / "firestore.indexes.json").write_text('{"indexes": [], "fieldOverrides": []}')

    assert [file.found is None for file in generated_files(app, tmp_path)] == [True, False]


def test_the_files_of_a_new_project_are_as_its_app_declares(tmp_path: Path) -> None:
    template = ROOT / "onto_fn" / "cli" / "template"
    shutil.copytree(template / "functions", tmp_path / "functions")
    for name in ("firestore.rules", "firestore.indexes.json"):
        shutil.copy(template / name, tmp_path / name)
    command = [Path(sys.executable).parent / "onto", "generate", "--check"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("firestore.rules", "service cloud.firestore {}", "put these two lines around"),
        (
            "firestore.rules",
            "// onto:keep-end\n// onto:keep-begin\n",
            "must have exactly one section",
        ),
        (
            "firestore.indexes.json",
            '{"indexes": [1], "fieldOverrides": []}',
            "rename it to firestore.indexes.keep.json",
        ),
        ("firestore.indexes.json", "[]", "does not contain a JSON object"),
        ("firestore.indexes.keep.json", "{", "is not valid JSON"),
    ],
)
def test_a_file_that_was_written_by_hand_is_not_lost(
    app: App, tmp_path: Path, name: str, text: str, problem: str
) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(DeclarationError, match=problem):
        generated_files(app, tmp_path)
