"""The OpenRPC document of an app with everything that an API can offer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from emulator_tests.apps.documented import Card, app
from onto_fn import App, DeclarationError
from onto_fn.api import Api, Rpc
from onto_fn.api.rpc.offered import CODES, methods_of
from onto_fn.api.rpc.openrpc import openrpc
from onto_fn.generate import openrpc_of

assert app.api is not None
assert app.offers is not None
API = replace(app.api, rpc=Rpc())
DOCUMENT = openrpc(API, app.offers)
METHODS = {method["name"]: method for method in DOCUMENT["methods"]}


def schemas() -> Iterator[Any]:
    for method in DOCUMENT["methods"]:
        for described in (*method["params"], method["result"]):
            yield described["schema"]
    yield from DOCUMENT["components"]["schemas"].values()


def fits(method: str, param: str, value: object) -> bool:
    """Whether an argument fits its schema."""
    schema = next(one["schema"] for one in METHODS[method]["params"] if one["name"] == param)
    return Draft7Validator({**schema, "components": DOCUMENT["components"]}).is_valid(value)


def test_every_method_is_described_with_its_parameters_in_their_places() -> None:
    assert app.offers is not None
    found = {
        name: (
            tuple(param["name"] for param in method["params"]),
            tuple(param["name"] for param in method["params"] if param["required"]),
        )
        for name, method in METHODS.items()
    }
    declared = {m.name: (m.params, m.required) for m in methods_of(app.offers) if m.offer}
    assert found == declared
    for method in DOCUMENT["methods"]:
        needed = [param["required"] for param in method["params"]]
        assert needed == sorted(needed, reverse=True), "what may be left out comes last"


def test_its_schemas_are_of_draft_7_and_all_of_them_are_there() -> None:
    for schema in schemas():
        Draft7Validator.check_schema(schema)
    text = json.dumps(DOCUMENT)
    assert "prefixItems" not in text
    for kind in ("schemas", "errors"):
        for name in DOCUMENT["components"][kind]:
            assert f'"#/components/{kind}/{name}"' in text, f"nothing refers to {name}"
        prefix = f'"#/components/{kind}/'
        named = {part.partition('"')[0] for part in text.split(prefix)[1:]}
        assert named <= DOCUMENT["components"][kind].keys()


def test_a_tuple_is_described_by_its_places() -> None:
    pair = DOCUMENT["components"]["schemas"]["ItemPage"]["properties"]["pair"]
    assert Draft7Validator(pair).is_valid([1, "one"])
    assert not Draft7Validator(pair).is_valid(["one", 1])


def test_arguments_of_a_request_are_described_as_they_are_checked() -> None:
    assert fits("ItemForm", "fields", {"title": "an item", "rank": 3})
    for wrong in ({}, {"title": 3}, {"title": "a", "more": 1}, {"title": "A"}):
        assert not fits("ItemForm", "fields", wrong)
    assert fits("ItemForm", "params", {}), "the user's id may be left out"
    assert fits("ItemForm", "params", {"user_id": "ada"})
    assert not fits("ItemForm", "params", {"id": "x"})
    assert fits("Card.list", "where", {"state": "open"})
    assert not fits("Card.list", "where", {"rank": 3})


def test_its_errors_have_the_codes_of_the_answers() -> None:
    codes = {error["code"] for error in DOCUMENT["components"]["errors"].values()}
    assert codes == set(CODES.values())

    def errors(method: str) -> set[str]:
        return {one["$ref"].rpartition("/")[2] for one in METHODS[method]["errors"]}

    always = {"InternalError", "InvalidParams", "Unavailable"}
    assert errors("Card.list") == always, "everybody may"
    assert errors("ItemForm") == {*always, "Conflict", "Denied", "Refused", "Unauthenticated"}
    assert errors("ItemPage.get") == {*always, "Denied", "NotFound", "Unauthenticated"}


def test_the_file_is_found_stale_until_it_is_written(tmp_path: Path) -> None:
    path, described = tmp_path / "openrpc.json", App(app.mediators, api=API)
    assert openrpc_of(described, path).is_stale
    openrpc_of(described, path).write()
    assert not openrpc_of(described, path).is_stale
    assert json.loads(path.read_text()) == DOCUMENT


def test_an_app_without_json_rpc_has_no_document(tmp_path: Path) -> None:
    for without in (App([Card]), app):
        with pytest.raises(DeclarationError, match="has no JSON-RPC to describe"):
            openrpc_of(without, tmp_path / "openrpc.json")


def test_an_api_may_offer_nothing_yet() -> None:
    api = Api(rpc=Rpc())
    document = openrpc(api, api.offers([]))
    assert document["methods"] == []
