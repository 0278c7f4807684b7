"""The OpenAPI document of an app with everything that an API can offer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from emulator_tests.apps.documented import Card, app
from onto_fn import App, DeclarationError
from onto_fn.api import Api
from onto_fn.api.rest.openapi import openapi
from onto_fn.generate import openapi_of

ROOT = Path(__file__).resolve().parents[2]
assert app.api is not None
assert app.offers is not None
DOCUMENT = openapi(app.api, app.offers)
PATHS = DOCUMENT["paths"]
METHODS = ("get", "head", "put")


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def parameters(path: str, method: str) -> dict[str, Any]:
    item = PATHS[path]
    both = [*item["parameters"], *item[method].get("parameters", [])]
    return {parameter["name"]: parameter for parameter in both}


def test_it_is_valid_openapi_3_1() -> None:
    validate(DOCUMENT)


def test_every_offer_has_its_operations() -> None:
    assert {path: [m for m in METHODS if m in item] for path, item in PATHS.items()} == {
        "/cards": ["get", "head"],
        "/cards/{item_id}": ["get", "head"],
        "/now/{item_id}": ["get", "head"],
        "/owners/{item_id}/latest/card": ["get", "head"],
        "/owners/{user_id}/ItemPage": ["get", "head"],
        "/owners/{user_id}/ItemPage/{item_id}": ["get", "head"],
        "/reports": ["get", "head"],
        "/reports/{item_id}": ["get", "head"],
        "/shared": ["get", "head"],
        "/shared/{item_id}": ["get", "head"],
        "/owners/{user_id}/itemForms/{id}": ["put"],
        "/owners/{user_id}/itemPatches/{id}": ["put"],
        "/owners/{user_id}/rankPatches/{id}": ["put"],
        "/suggestions/{id}": ["put"],
    }
    names = [operation["operationId"] for _, _, operation in operations(DOCUMENT)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("path", "method", "security", "words"),
    [
        ("/cards", "get", [], "It may be listed by everybody."),
        ("/now/{item_id}", "get", [{"idToken": []}], "It may be read by every signed-in user."),
        (
            "/owners/{user_id}/ItemPage/{item_id}",
            "get",
            [{"idToken": []}],
            "It may be read by the user whose id is `{user_id}` or the users whose ids are in the "
            "document's `memberIds`.",
        ),
        (
            "/reports",
            "get",
            [{"idToken": []}],
            "It may be listed by users with the custom claim `admin` or users whose custom claim "
            "`level` is `3`.",
        ),
        ("/suggestions/{id}", "put", [], "It may be sent by everybody."),
    ],
)
def test_who_has_access_is_said_in_words_and_as_security(
    path: str, method: str, security: Any, words: str
) -> None:
    operation = PATHS[path][method]
    assert operation["security"] == security
    assert words in operation["description"]


def test_app_check_is_asked_of_everybody() -> None:
    assert app.api is not None
    assert app.offers is not None
    document = openapi(replace(app.api, app_check=True), app.offers)
    validate(document)
    for _, _, operation in operations(document):
        assert all("appCheck" in needed for needed in operation["security"])
        assert operation["security"] != []
    assert document["components"]["securitySchemes"].keys() == {"appCheck", "idToken"}


def test_a_list_takes_what_is_declared() -> None:
    found = parameters("/cards", "get")
    assert found.keys() == {"limit", "cursor", "order", "isLarge", "state", "tags"}
    assert found["order"]["schema"] == {"type": "string", "enum": ["-rank", "rank"]}
    assert found["state"]["schema"] == {"type": "string", "enum": ["open", "done"]}
    assert found["isLarge"]["schema"] == {"type": "boolean"}
    assert "`?isLarge=…&state=…`" in PATHS["/cards"]["get"]["description"]
    assert parameters("/reports", "get").keys() == {"limit", "cursor"}


@pytest.mark.parametrize(
    ("path", "method", "statuses"),
    [
        ("/cards/{item_id}", "get", "200 304 400 401 404 406 429 500 503 504"),
        ("/now/{item_id}", "get", "200 304 400 401 404 406 429 500 503"),
        (
            "/owners/{user_id}/ItemPage/{item_id}",
            "head",
            "200 304 400 401 403 404 406 429 500 503 504",
        ),
        ("/shared/{item_id}", "get", "200 304 400 401 403 406 429 500 503 504"),
        ("/shared", "get", "200 400 401 406 429 500 503"),
        ("/reports", "get", "200 400 401 403 406 429 500 503"),
        (
            "/owners/{user_id}/itemForms/{id}",
            "put",
            "200 201 400 401 403 406 408 409 413 415 422 429 500 503",
        ),
        ("/suggestions/{id}", "put", "200 201 400 401 406 408 409 413 415 422 429 500 503"),
    ],
)
def test_the_answers_are_those_that_there_are(path: str, method: str, statuses: str) -> None:
    assert sorted(PATHS[path][method]["responses"]) == statuses.split()


def test_what_is_computed_was_never_written() -> None:
    def headers(path: str) -> set[str]:
        return set(PATHS[path]["get"]["responses"]["200"]["headers"])

    assert headers("/cards/{item_id}") == {"Cache-Control", "ETag", "Last-Modified"}
    assert headers("/now/{item_id}") == {"Cache-Control", "ETag"}


def test_a_request_can_show_the_views_whose_paths_it_knows() -> None:
    found = parameters("/owners/{user_id}/itemPatches/{id}", "put")
    views = ["Card", "ItemPage", "Latest", "Now", "Report", "Shared"]
    assert found["return"]["schema"]["enum"] == views
    assert "return" not in parameters("/owners/{user_id}/itemForms/{id}", "put")
    assert found["id"]["schema"]["maxLength"] == 128
    assert found["user_id"]["schema"]["maxLength"] == 1500


def test_a_patch_leads_to_the_view_that_it_changes() -> None:
    responses = PATHS["/owners/{user_id}/itemPatches/{id}"]["put"]["responses"]
    assert responses["201"]["links"]["view"]["parameters"] == {
        "user_id": "$request.path.user_id",
        "item_id": "$request.body#/item",
        "after": "$response.body#/after",
    }


def test_nothing_of_the_library_is_in_it() -> None:
    assert '"x-' not in json.dumps(DOCUMENT)


def test_the_same_declarations_make_the_same_document_in_every_process() -> None:
    code = (
        "import json; from emulator_tests.apps.documented import app;"
        "from onto_fn.api.rest.openapi import openapi;"
        "print(json.dumps(openapi(app.api, app.offers)))"
    )
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(done.stdout) == DOCUMENT
        assert done.stdout.strip() == json.dumps(DOCUMENT)


def test_the_file_is_found_stale_until_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "openapi.json"
    assert openapi_of(app, path).is_stale
    openapi_of(app, path).write()
    assert not openapi_of(app, path).is_stale
    assert json.loads(path.read_text()) == DOCUMENT


def test_an_app_without_an_api_has_no_document(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="has no API to describe"):
        openapi_of(App([Card]), tmp_path / "openapi.json")


def test_an_api_may_offer_nothing_yet() -> None:
    api = Api()
    document = openapi(api, api.offers([]))
    validate(document)
    assert document["paths"] == {}


def test_the_document_is_made_with_the_first_request_for_it() -> None:
    code = (
        "import sys; from emulator_tests.apps.documented import app; app.asgi();"
        "print([name for name in sys.modules if name.startswith('onto_fn.api.rest.openapi')"
        " or name.startswith('onto_fn.api.rest.page')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
