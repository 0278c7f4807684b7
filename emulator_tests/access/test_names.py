"""Whatever paths, variables, forms and fields are called, their rules compile and mean the same."""

from __future__ import annotations

import types
from typing import Annotated, Any

import pytest
from pydantic import Field, create_model

from emulator_tests.access.guards.door import Door
from onto_fn import App, DomainModel, Form, FormMediator, Store, ViewMediator, ViewModel, root
from onto_fn.access import owner, public, signed_in
from onto_fn.generate import rules_text
from onto_fn.testing import EmulatorSuite

WORDS = """
    allow and bool bytes constraint create data database debug delete duration else exists
    existsAfter false float for function get getAfter hasClaim hashing if import in int is isUser
    item keys latlng let list map match math name name_1 not null number package path read request
    resource return rules_version service set signedIn size string this timestamp true update
    userId value values var while write
    """.split()  # noqa: SIM905
COLLECTIONS = [
    "café",
    "日本",
    "a b",
    "it's",
    'q"q',
    "a*b",
    "x;y",
    "new\nline",
    "back\\slash",
    "a//",
]
COLLECTIONS = [name.replace("/", "|") for name in COLLECTIONS] + ["my-notes", "v1.2", "1st", "_x"]


class Team(DomainModel, collection="teams"):
    title: str = "Blue"


class TeamStore(Store):
    team = root(Team)


def form(name: str, path: str, **fields: Any) -> type[Form]:
    def submit(self: object, request: object) -> list[DomainModel]:
        return []

    def body(namespace: dict[str, Any]) -> None:
        annotations = {key: kind for key, (kind, _) in fields.items()}
        values = {key: info for key, (_, info) in fields.items()}
        namespace.update(
            {"__module__": __name__, "submit": submit, "__annotations__": annotations, **values}
        )

    return types.new_class(name, (Form,), {"path": path, "create": public()}, body)


@pytest.fixture(scope="module")
def door(firestore_emulator: EmulatorSuite) -> Door:
    return Door(firestore_emulator)


@pytest.mark.parametrize("word", WORDS)
def test_a_variable_may_have_any_name(door: Door, word: str) -> None:
    text = (str, Field(max_length=5))
    asked = form("Asked", f"users/{{{word}}}/notes/{{{word}_}}", text=text)
    view = types.new_class(
        "Page",
        (ViewModel[TeamStore],),
        {"path": f"pages/{{{word}}}", "read": owner(word) | public()},
        lambda namespace: namespace.update(
            {"__module__": __name__, "title": property(title), "targets": targets}
        ),
    )

    assert door.under(rules_text(App([FormMediator(asked), ViewMediator(view)]))) == ""
    assert door.create("users/ada/notes", {"text": "x"}) == ""
    assert door.create("users/ada/notes", {"text": "too long"}) != ""
    assert door.get("pages/ada") == ""


def title(self: object) -> str:
    return "T"


def targets(self: object) -> list[dict[str, str]]:
    return []


def test_fields_may_have_any_names(door: Door) -> None:
    odd = ["it's", 'q"q', "a b", "new\nline", "café", "日本", "back\\slash", "1st", "a.b", "`x`"]
    names = [*WORDS, *odd]
    fields = {f"f{n}": (int, Field(alias=name)) for n, name in enumerate(names)}
    asked = form("Asked", "asked/{id}", **fields)

    assert door.under(rules_text(App([FormMediator(asked)]))) == ""
    given = dict.fromkeys(names, 1)
    assert door.create("asked", given) == ""
    for name in names:
        assert door.create("asked", given | {name: "1"}) != "", name
        assert door.create("asked", {k: v for k, v in given.items() if k != name}) != "", name


@pytest.mark.parametrize("name", ["User", "Claim", "Café", "日本", "In", "Match"])
def test_forms_and_models_may_have_any_names(door: Door, name: str) -> None:
    model = create_model(name, number=(int, ...))
    lines: Any = Annotated[list[model], Field(max_length=2)]  # pyright: ignore
    asked = form(name, "users/{user_id}/asked/{id}", lines=(lines, ...))
    asked.__create__ = owner("user_id") | public()

    assert door.under(rules_text(App([FormMediator(asked)]))) == ""
    assert door.create("users/ada/asked", {"lines": [{"number": 1}, {"number": 2}]}) == ""
    assert door.create("users/ada/asked", {"lines": [{"number": 1}, {"number": "2"}]}) != ""


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_a_collection_may_have_any_name_that_firestore_takes(door: Door, collection: str) -> None:
    asked = form("Asked", f"users/{{id}}/{collection}/{{name_1}}", text=(str, ...))
    view = types.new_class(
        "Page",
        (ViewModel[TeamStore],),
        {
            "path": f"{collection}/{{team_id}}/{collection}s/{{page_id}}",
            "read": public(),
            "read_group": public(),
        },
        lambda namespace: namespace.update(
            {"__module__": __name__, "title": property(title), "targets": targets}
        ),
    )
    other = types.new_class(
        "Other",
        (ViewModel[TeamStore],),
        {"path": f"others/{collection}", "read": signed_in()},
        lambda namespace: namespace.update(
            {"__module__": __name__, "title": property(title), "targets": targets}
        ),
    )

    apps = App([FormMediator(asked), ViewMediator(view), ViewMediator(other)])
    assert door.under(rules_text(apps)) == ""
    assert door.create(f"users/ada/{collection}", {"text": "x"}) == ""
    assert door.create("users/ada/elsewhere", {"text": "x"}) != ""
    assert door.get(f"{collection}/t/{collection}s/p") == ""
    assert door.list(f"{collection}/t/{collection}s") == ""
    assert door.list(f"{collection}s", everywhere=True) == ""
    assert door.get("elsewhere/t/pages/p") != ""
    assert door.list("pages", everywhere=True) != ""
    assert door.get(f"others/{collection}") != ""
