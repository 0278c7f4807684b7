"""The page of an API: complete, without a script, and safe whatever the declarations say."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typing_extensions import override

from emulator_tests.apps.documented import app
from onto_fn.api.rest.openapi import openapi
from onto_fn.api.rest.page import page_of
from onto_fn.api.rest.page_schemas import prose
from onto_fn.api.rest.page_style import STYLE

assert app.api is not None
assert app.offers is not None
DOCUMENT = openapi(app.api, app.offers)
VOID = {"meta", "br", "link", "img", "input"}


class Page(HTMLParser):
    """What is on a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    @override
    def handle_data(self, data: str) -> None:
        self.text += data if self.open[-1:] != ["style"] else ""

    def all(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attrs for found, attrs in self.tags if found == tag)


HTML, POLICY = page_of(DOCUMENT)
PAGE = Page(HTML)


def test_it_needs_nothing_that_its_policy_forbids() -> None:
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    assert (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ) == POLICY
    assert HTML.count("<style>") == 1
    assert f"<style>{STYLE}</style>" in HTML
    assert {tag for tag, _ in PAGE.tags}.isdisjoint({"script", "link", "img", "iframe", "form"})
    names = {name for _, attrs in PAGE.tags for name in attrs}
    assert names <= {
        *("aria-labelledby", "aria-label", "charset", "class", "content", "href", "id", "lang"),
        *("name", "scope", "tabindex"),
    }


def test_it_has_every_operation_parameter_and_schema() -> None:
    ids = {attrs["id"] for _, attrs in PAGE.tags if "id" in attrs}
    for item in DOCUMENT["paths"].values():
        for method in ("get", "head", "put"):
            if method in item:
                assert f"operation-{item[method]['operationId']}" in ids
    assert {f"schema-{name}" for name in DOCUMENT["components"]["schemas"]} <= ids
    for name in ("limit", "cursor", "order", "isLarge", "If-None-Match", "after", "return"):
        assert f"<code>{name}</code>" in HTML


def test_it_can_be_read_aloud_and_walked_through() -> None:
    assert PAGE.open == []
    landmarks = Counter(tag for tag, _ in PAGE.tags)
    assert (landmarks["header"], landmarks["nav"], landmarks["main"]) == (1, 1, 1)
    levels = [int(tag[1]) for tag, _ in PAGE.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [attrs["id"] for _, attrs in PAGE.tags if "id" in attrs]
    assert len(set(ids)) == len(ids)
    links = [str(attrs["href"]) for attrs in PAGE.all("a")]
    assert {link for link in links if not link.startswith("#")} == {"openapi.json"}
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    labels = [attrs["aria-labelledby"] for _, attrs in PAGE.tags if "aria-labelledby" in attrs]
    assert set(labels) <= set(ids)
    assert next(PAGE.all("html")) == {"lang": "en"}


def luminance(color: str) -> float:
    parts = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1])
def test_its_colours_are_far_enough_apart_by_day_and_by_night(scheme: int) -> None:
    blocks = re.findall(r":root \{([^}]*)\}", STYLE)
    colors = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", blocks[scheme]))
    assert colors.keys() == {"ink", "soft", "paper", "shade", "line", "link", "get", "head", "put"}
    for name in ("ink", "soft", "link", "get", "head", "put"):
        for around in ("paper", "shade"):
            pair = sorted((luminance(colors[name]), luminance(colors[around])))
            assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, (name, around)


EVIL = "</code></pre><script>alert(1)</script><img src=x onerror='alert(1)'>\"'&`"


def poisoned(value: Any) -> Any:
    """The document with markup in every text that is no key, type or reference."""
    if isinstance(value, dict):
        kept = {"$ref", "type", "in", "operationId", "tags", "openapi"}
        return {k: v if k in kept else poisoned(v) for k, v in value.items()}
    if isinstance(value, list):
        return [poisoned(item) for item in value]
    return value + EVIL if isinstance(value, str) else value


def test_every_text_of_the_document_is_escaped() -> None:
    document = poisoned(DOCUMENT)
    schemas = document["components"]["schemas"]
    schemas["Card"]["properties"][EVIL] = {"const": EVIL, "pattern": EVIL, "format": EVIL}
    document["tags"] = DOCUMENT["tags"]
    html, policy = page_of(document)

    page = Page(html)
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "img"})
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert "alert(1)" in page.text
    assert policy == POLICY


def test_a_description_has_paragraphs_lists_and_code() -> None:
    assert prose("One `a<b`.\n\n- first\n  line\n- second") == (
        "<p>One <code>a&lt;b</code>.</p><ul><li>first\n  line</li><li>second</li></ul>"
    )
    assert prose("an odd ` backtick") == "<p>an odd ` backtick</p>"


def test_an_example_is_a_command_that_a_shell_reads_as_it_is_meant() -> None:
    bodies = re.findall(r"--data '(\{.*?\n\})'", PAGE.text, re.DOTALL)
    puts = {
        item["put"]["tags"][0]: item["put"] for item in DOCUMENT["paths"].values() if "put" in item
    }
    assert len(bodies) == len(puts)
    for name, body in zip(sorted(puts), bodies, strict=True):
        shown = subprocess.run(
            ["sh", "-c", f"printf %s '{body}'"], capture_output=True, text=True, check=True
        )
        schema = puts[name]["requestBody"]["content"]["application/json"]["schema"]
        whole = {**schema, "components": DOCUMENT["components"]}
        Draft202012Validator(whole).validate(json.loads(shown.stdout))
