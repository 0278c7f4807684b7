"""What clients try on the documents of `apps/guarded.py`, and whether the rules let them.

A path's `{id}` becomes a new id in each run, so that a creation never meets a document.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from google.cloud.firestore import Client

from onto_fn.engine.records.ledger import OWN_COLLECTIONS

ADA, BOB, ADMIN, GOLD, PRETENDER, NOBODY = "ada", "bob", "admin", "gold", "pretender", "nobody"
CLAIMS: dict[str, dict[str, Any]] = {
    ADA: {},
    BOB: {},
    ADMIN: {"admin": True},
    GOLD: {"tier": "gold"},
    PRETENDER: {"admin": "true", "tier": "silver"},
}

DENIED, INVALID = "permission-denied", "invalid-argument"

_ids = itertools.count()


@dataclass(frozen=True)
class Case:
    """One operation of one user.

    Attributes:
        name: what is tried.
        user: by whom.
        op: an operation of the client.
        path: of the document or collection; of a group, `*/name`.
        given: the operation's other arguments.
        code: that the server is to answer with; "" if the operation is allowed.
    """

    name: str
    user: str
    op: str
    path: str
    given: dict[str, Any] = field(default_factory=dict[str, Any])
    code: str = ""

    def operation(self) -> dict[str, Any]:
        """The operation as the client takes it, with a new id."""
        group = {"group": self.path.removeprefix("*/")} if self.path.startswith("*/") else {}
        path = self.path.replace("{id}", f"id{next(_ids)}")
        return {"op": self.op, "path": path, **group, **self.given}


def seeds(client: Client) -> None:
    """Documents as functions have written them, each as it was before."""
    team = {"title": "Blue"}
    documents: dict[str, dict[str, Any]] = {
        "titles/t1": team,
        "lobbies/t1": team,
        "boards/t1": team | {"memberIds": [ADA]},
        "guestBooks/t1": team | {"guests": {ADA: True, BOB: False}},
        "teams/t1/audits/latest": team,
        f"profiles/{ADA}": team,
        f"users/{ADA}/Screen/view": team,
        "secrets/t1": team,
        f"users/{ADA}/sheetForms/done": SHEET | {"processed": {"state": "done"}},
        "noteForms/done": {"text": "hello", "processed": {"state": "done"}},
        "teamForms/done": {"title": "Red", "processed": {"state": "done"}},
        "members/m1": {"userId": ADA},
        **{f"{collection}/x": {"title": "own"} for collection in OWN_COLLECTIONS},
    }
    batch = client.batch()
    for path, fields in documents.items():
        batch.set(client.document(path), fields)
    batch.commit()


SHEET: dict[str, Any] = {"nick": "ada", "level": "low", "whatever": {"any": [1, None]}}
FULL: dict[str, Any] = SHEET | {
    "one": 1,
    "slug": "abc-1",
    "age": 150,
    "score": 1.25,
    "ratio": 2,
    "active": False,
    "born": {"$time": "2020-02-03T04:05:06Z"},
    "photo": {"$bytes": "AAAAAAAAAAA="},
    "tags": ["abcde", "b"],
    "colours": ["red", "red", "green"],
    "names": ["Ada", "Bob"],
    "pair": ["a", 1],
    "address": {"city": "Arles", "zip": "12345", "note": "n"},
    "friend": {"$reference": "teams/t1"},
    "flags": {"a": True, "b": False},
    "freeText": {"$text": ["x", 10_000]},
}
ADDRESS: dict[str, Any] = {"city": "Arles", "zip": "12345"}
SHEETS = f"users/{ADA}/sheetForms"

# Fields of a sheet that make it invalid, each for one reason alone.
WRONG_FIELDS: dict[str, dict[str, Any]] = {
    "an extra field": {"admin": True},
    "a forged obj_type": {"obj_type": "Admin"},
    "a forged doc_ref": {"doc_ref": "users/bob"},
    "a forged doc_id": {"doc_id": "bob"},
    "a forged mark": {"processed": {"state": "done"}},
    "a status field": {"status": "done"},
    "a text that is a list": {"nick": ["a", "b"]},
    "a text that is a map": {"nick": {"a": 1, "b": 2}},
    "a text that is a number": {"nick": 12},
    "a text that is null": {"nick": None},
    "a text that is the server's time": {"nick": {"$now": True}},
    "a text that is an increment": {"nick": {"$increment": 1}},
    "a text that is too short": {"nick": "a"},
    "a text that is too long": {"nick": "abcdefghi"},
    "a choice that there is not": {"level": "middle"},
    "a choice in another case": {"level": "LOW"},
    "another constant": {"one": 2},
    "a constant as a boolean": {"one": True},
    "a text against its pattern": {"slug": "1abc"},
    "a pattern on the second line": {"slug": "1\nabc"},
    "a patterned text that is too long": {"slug": "abcdefghi"},
    "a fraction as an integer": {"age": 2.5},
    "a text as an integer": {"age": "2"},
    "a boolean as an integer": {"age": True},
    "an integer below its bound": {"age": -1},
    "an integer above its bound": {"age": 151},
    "an increment beyond the bound": {"age": {"$increment": 151}},
    "a number on its exclusive bound": {"score": -1},
    "a number on its upper bound": {"score": 1.5},
    "not a number, where there are bounds": {"score": {"$number": "NaN"}},
    "an infinite number, where there are bounds": {"score": {"$number": "Infinity"}},
    "a text as a number": {"ratio": "1.0"},
    "a text as a boolean": {"active": "false"},
    "a number as a boolean": {"active": 0},
    "null where it is not allowed": {"active": None},
    "a text as a time": {"born": "2020-02-03T04:05:06Z"},
    "a text as bytes": {"photo": "abc"},
    "too many bytes": {"photo": {"$bytes": "AAAAAAAAAAAA"}},
    "a text as a list": {"names": "Ada"},
    "a map as a list": {"names": {"0": "Ada"}},
    "a list that is too long": {"names": ["x"] * 21},
    "a list that is too short": {"tags": []},
    "a list with too many items": {"tags": ["a", "b", "c"]},
    "a list whose first item is too long": {"tags": ["abcdef"]},
    "a list whose second item is too long": {"tags": ["a", "abcdef"]},
    "a list whose first item is a map": {"tags": [{"a": 1}]},
    "a list whose second item is a map": {"tags": ["a", {"a": 1}]},
    "a union beyond the items that are allowed": {"tags": {"$union": ["a", "b", "c"]}},
    "an item that is no choice": {"colours": ["red", "blue"]},
    "too many choices": {"colours": ["red", "red", "red", "green"]},
    "a pair of three": {"pair": ["a", 1, 2]},
    "a pair of one": {"pair": ["a"]},
    "a pair in the wrong order": {"pair": [1, "a"]},
    "a pair with a wrong first item": {"pair": [{"a": 1}, 1]},
    "a pair with a wrong second item": {"pair": ["a", "b"]},
    "a pair with a huge text": {"pair": [{"$text": ["x", 10_001]}, 1]},
    "a text as a map": {"address": "Arles"},
    "a nested extra field": {"address": ADDRESS | {"role": "admin"}},
    "a nested missing field": {"address": {"city": "Arles"}},
    "a nested text that is too long": {"address": ADDRESS | {"city": "x" * 21}},
    "a nested text that is a map": {"address": ADDRESS | {"city": {"a": 1}}},
    "a nested text against its pattern": {"address": ADDRESS | {"zip": "1234x"}},
    "a nested patterned text that is too long": {"address": ADDRESS | {"zip": "123456"}},
    "a nested optional text that is too long": {"address": ADDRESS | {"note": "x" * 11}},
    "a nested optional text that is a map": {"address": ADDRESS | {"note": {"a": 1}}},
    "a number as a reference": {"friend": 1},
    "a list as a reference": {"friend": ["teams/t1"]},
    "a huge text as a reference": {"friend": {"$text": ["x", 6145]}},
    "a list as a map of flags": {"flags": [True]},
    "an empty map": {"flags": {}},
    "a map with too many keys": {"flags": {"a": True, "b": True, "c": True}},
    "a list as a text without a limit of its own": {"freeText": ["x"]},
    "a text above the limit that all have": {"freeText": {"$text": ["x", 10_001]}},
}
MISSING_FIELDS = ("nick", "level", "whatever")


def create(name: str, user: str, path: str, fields: dict[str, Any]) -> Case:
    return Case(name, user, "set", path, {"fields": fields})


def read(user: str, path: str) -> Case:
    kind = "list" if path.count("/") % 2 == 0 or path.startswith("*/") else "get"
    return Case(f"{user}: {kind} {path}", user, kind, path)


def allowed() -> Iterator[Case]:
    """What the declarations allow."""
    yield read(NOBODY, "titles/t1")
    yield read(NOBODY, "titles")
    yield read(BOB, "lobbies/t1")
    yield read(BOB, "lobbies")
    yield read(ADA, "boards/t1")
    yield read(ADMIN, "boards/t1")
    yield read(ADMIN, "boards")
    where = {"where": [["memberIds", "array-contains", ADA]]}
    yield Case("list one's own boards", ADA, "list", "boards", where)
    yield read(ADA, "guestBooks/t1")
    yield read(GOLD, "teams/t1/audits/latest")
    yield read(GOLD, "teams/t1/audits")
    yield read(ADMIN, "*/audits")
    yield read(ADA, f"profiles/{ADA}")
    yield read(ADA, f"users/{ADA}/Screen/view")
    yield read(ADA, f"{SHEETS}/done")
    yield read(ADMIN, "teamForms/done")
    yield create("a sheet with what it needs", ADA, f"{SHEETS}/{{id}}", SHEET)
    yield create("a sheet with all fields", ADA, f"{SHEETS}/{{id}}", FULL)
    yield create("a sheet with nulls", ADA, f"{SHEETS}/{{id}}", SHEET | {"age": None})
    path_text = SHEET | {"friend": "teams/t1"}
    yield create("a sheet with a reference as text", ADA, f"{SHEETS}/{{id}}", path_text)
    now = SHEET | {"born": {"$now": True}}
    yield create("a sheet with the server's time", ADA, f"{SHEETS}/{{id}}", now)
    yield create("a sheet with an id in Unicode", ADA, f"{SHEETS}/東京 {{id}}", SHEET)
    yield create("a sheet with a long id", ADA, f"{SHEETS}/{'x' * 100}{{id}}", SHEET)
    yield Case("a sheet by add", ADA, "add", SHEETS, {"fields": SHEET})
    yield create("a note of nobody", NOBODY, "noteForms/{id}", {"text": "hello"})
    yield create("a team of an administrator", ADMIN, "teamForms/{id}", {"title": "Red"})


def attacks() -> Iterator[Case]:
    """What nothing allows."""
    for case in (*_reading(), *_listing(), *_writing(), *_creating(), *_traversing()):
        yield replace(case, code=case.code or DENIED)


def _reading() -> Iterator[Case]:
    strangers = [
        (NOBODY, "lobbies/t1"),
        (NOBODY, "boards/t1"),
        (BOB, "boards/t1"),
        (PRETENDER, "boards/t1"),
        (NOBODY, "guestBooks/t1"),
        (BOB, "guestBooks/t1"),
        (GOLD, "guestBooks/t1"),
        (ADMIN, "guestBooks/t1"),
        (NOBODY, "teams/t1/audits/latest"),
        (ADA, "teams/t1/audits/latest"),
        (PRETENDER, "teams/t1/audits/latest"),
        (ADMIN, "teams/t1/audits/latest"),
        (NOBODY, f"profiles/{ADA}"),
        (BOB, f"profiles/{ADA}"),
        (ADMIN, f"profiles/{ADA}"),
        (NOBODY, f"users/{ADA}/Screen/view"),
        (BOB, f"users/{ADA}/Screen/view"),
        (ADMIN, f"users/{ADA}/Screen/view"),
        (ADA, "secrets/t1"),
        (ADMIN, "secrets/t1"),
        (NOBODY, f"{SHEETS}/done"),
        (BOB, f"{SHEETS}/done"),
        (ADMIN, f"{SHEETS}/done"),
        (NOBODY, "noteForms/done"),
        (BOB, "noteForms/done"),
        (BOB, "teamForms/done"),
        (PRETENDER, "teamForms/done"),
        (ADA, "teams/t1"),
        (ADMIN, "teams/t1"),
        (ADA, f"users/{ADA}"),
        (ADA, "unknown/x"),
    ]
    for user, path in strangers:
        yield read(user, path)
    for collection in sorted(OWN_COLLECTIONS):
        yield read(ADMIN, f"{collection}/x")


def _listing() -> Iterator[Case]:
    others = {"where": [["memberIds", "array-contains", ADA]]}
    yield Case("list the boards of another", BOB, "list", "boards", others)
    for user, path in [
        (NOBODY, "lobbies"),
        (ADA, "boards"),
        (ADA, "guestBooks"),
        (ADA, "profiles"),
        (ADA, f"users/{ADA}/Screen"),
        (ADA, SHEETS),
        (ADA, "teams/t1/audits"),
        (ADMIN, "noteForms"),
        (ADMIN, "teamForms"),
        (ADMIN, "secrets"),
        (ADMIN, "teams"),
        (ADMIN, "users"),
        (ADMIN, "onto_ledger"),
        (ADMIN, "onto_dead_letters"),
        (GOLD, "*/audits"),
        (PRETENDER, "*/audits"),
        (ADA, "*/Screen"),
        (ADA, "*/sheetForms"),
        (ADMIN, "*/profiles"),
        (ADMIN, "*/teams"),
        (ADMIN, "*/onto_ledger"),
    ]:
        yield read(user, path)
    guests = {"where": [[f"guests.{ADA}", "==", True]]}
    yield Case("list what a map says", ADA, "list", "guestBooks", guests)


def _writing() -> Iterator[Case]:
    fields = {"fields": {"title": "Mine"}}
    for path in (
        "titles/t1",
        "lobbies/t1",
        "boards/t1",
        "guestBooks/t1",
        "teams/t1/audits/latest",
        f"profiles/{ADA}",
        f"users/{ADA}/Screen/view",
    ):
        user = {"boards/t1": ADMIN, "teams/t1/audits/latest": GOLD}.get(path, ADA)
        yield Case(f"update the view {path}", user, "update", path, fields)
        yield Case(f"delete the view {path}", user, "delete", path)
    yield Case("overwrite a view", ADA, "set", f"users/{ADA}/Screen/view", fields)
    merged = {**fields, "merge": True}
    yield Case("merge into a view", ADA, "set", f"users/{ADA}/Screen/view", merged)
    yield Case("overwrite a view in a transaction", ADA, "transaction", f"profiles/{ADA}", fields)
    yield Case("create a view", BOB, "set", f"profiles/{BOB}", fields)
    yield Case("create a screen", BOB, "set", f"users/{BOB}/Screen/view", fields)
    yield Case("update an audit", ADMIN, "update", "teams/t1/audits/latest", fields)
    yield Case("delete an audit", ADMIN, "delete", "teams/t1/audits/latest")
    for user, collection in (
        (ADA, "titles"),
        (ADA, "lobbies"),
        (ADMIN, "boards"),
        (GOLD, "teams/t1/audits"),
        (ADMIN, "teams/t1/audits"),
    ):
        yield Case(f"create in {collection}", user, "set", f"{collection}/{{id}}", fields)
    listed = {"fields": {"title": "Mine", "memberIds": [ADA], "guests": {ADA: True}}}
    yield Case("create a board", ADA, "set", "boards/{id}", listed)
    yield Case("create a guest book", ADA, "set", "guestBooks/{id}", listed)
    yield Case("write the domain", ADMIN, "set", "teams/t1", fields)
    yield Case("create in the domain", ADMIN, "set", "teams/{id}", fields)
    yield Case("make oneself a user", ADA, "set", f"users/{ADA}", fields)
    for collection in sorted(OWN_COLLECTIONS):
        yield Case(f"write {collection}", ADMIN, "set", f"{collection}/{{id}}", fields)
        yield Case(f"update {collection}", ADMIN, "update", f"{collection}/x", fields)
        yield Case(f"delete {collection}", ADMIN, "delete", f"{collection}/x")
        yield Case(f"write below {collection}", ADMIN, "set", f"{collection}/x/sub/{{id}}", fields)


def _creating() -> Iterator[Case]:
    path = f"{SHEETS}/{{id}}"
    yield create("a sheet of nobody", NOBODY, path, SHEET)
    yield create("a sheet of another", BOB, path, SHEET)
    yield create("a sheet of an administrator", ADMIN, path, SHEET)
    yield create("a team of anybody", ADA, "teamForms/{id}", {"title": "Red"})
    yield create("a team of a pretender", PRETENDER, "teamForms/{id}", {"title": "Red"})
    yield create("a form that is for nobody", ADMIN, "closedForms/{id}", {"text": "x"})
    yield create("an id that is too long", ADA, f"{SHEETS}/{'x' * 125}{{id}}", SHEET)
    yield create("a note with a long id", NOBODY, f"noteForms/{'x' * 125}{{id}}", {"text": "x"})
    yield create("a team with a long id", ADMIN, f"teamForms/{'x' * 125}{{id}}", {"title": "x"})
    yield create("a sheet one level below", ADA, f"{SHEETS}/done/more/{{id}}", SHEET)
    yield create("the same collection elsewhere", ADA, "teams/t1/sheetForms/{id}", SHEET)
    for name, fields in WRONG_FIELDS.items():
        yield create(name, ADA, path, SHEET | fields)
    for name in MISSING_FIELDS:
        rest = {key: value for key, value in SHEET.items() if key != name}
        yield create(f"without {name}", ADA, path, rest)
    yield create("without anything", ADA, path, {})
    for collection, name, user in (("noteForms", "text", NOBODY), ("teamForms", "title", ADMIN)):
        yield create(f"{collection}, extra", user, f"{collection}/{{id}}", {name: "x", "more": 1})
        yield create(f"{collection}, missing", user, f"{collection}/{{id}}", {})
        yield create(f"{collection}, a map", user, f"{collection}/{{id}}", {name: {"a": 1}})
        yield create(f"{collection}, long", user, f"{collection}/{{id}}", {name: "x" * 11})
    done = f"{SHEETS}/done"
    yield create("replay a request", ADA, done, SHEET)
    yield create("replay another's request", BOB, done, SHEET)
    yield create("replay what anybody may create", BOB, "noteForms/done", {"text": "again"})
    yield create("replay what administrators may", ADMIN, "teamForms/done", {"title": "Mine"})
    yield Case("change a request", ADA, "update", done, {"fields": {"nick": "eve"}})
    reset = {"fields": {"processed": None}}
    yield Case("take back the mark of a request", ADA, "update", done, reset)
    yield Case("change what anybody may create", BOB, "update", "noteForms/done", reset)
    yield Case("change what administrators may", ADMIN, "update", "teamForms/done", reset)
    yield Case("delete a request", ADA, "delete", done)
    yield Case("delete a note", NOBODY, "delete", "noteForms/done")
    yield Case("delete a team's request", ADMIN, "delete", "teamForms/done")
    mixed = [
        {"path": f"{SHEETS}/mixed", "fields": SHEET},
        {"path": f"profiles/{ADA}", "fields": {"title": "Mine"}},
    ]
    yield Case("a view in one batch with a request", ADA, "batch", done, {"writes": mixed})


def _traversing() -> Iterator[Case]:
    """Ids that would be another's path, if anything took them apart or decoded them."""
    for path in (
        f"users/{BOB}%2F..%2F{ADA}/Screen/view",
        f"users/{BOB}/Screen/..%2F..%2F{ADA}%2FScreen%2Fview",
        f"users/{ADA}%00/Screen/view",
        f"users/{ADA.upper()}/Screen/view",
        f"users/{ADA} /Screen/view",
    ):
        yield read(BOB, path)
    yield create("an id of 1,500 bytes", ADA, f"{SHEETS}/{'é' * 750}", SHEET)
    yield create("another's path in an id", BOB, f"users/{BOB}%2F{ADA}/sheetForms/{{id}}", SHEET)
    # What Firestore itself takes for no path.
    for path in (
        f"users/{BOB}/../{ADA}/Screen/view",
        f"users/./{ADA}/Screen",
        f"{SHEETS}/../../../onto_ledger/x",
    ):
        yield replace(read(BOB, path), code=INVALID)
    for name in (".", "..", "__ledger__", "x" * 1501, "x" * 4000):
        yield replace(create(f"the id {name}", ADA, f"{SHEETS}/{name}", SHEET), code=INVALID)
