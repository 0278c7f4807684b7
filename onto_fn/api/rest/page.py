"""The page that shows an API: plain HTML, without a script and without anything from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from onto_fn.api.rest.described.audience import APP_CHECK, ID_TOKEN
from onto_fn.api.rest.page_schemas import anchor, code, fields_of, kind_of, prose, table
from onto_fn.api.rest.page_style import STYLE
from onto_fn.api.rest.samples import Samples

_METHODS = ("get", "head", "put")
_POLICY = (
    "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_NEEDED = {ID_TOKEN: "an ID token", APP_CHECK: "an App Check token"}


@dataclass(frozen=True)
class _Operation:
    """One operation of the document."""

    method: str
    path: str
    parts: Mapping[str, Any]
    parameters: list[Mapping[str, Any]]

    @property
    def tag(self) -> str:
        return str(self.parts["tags"][0])

    @property
    def id(self) -> str:
        return anchor("operation", str(self.parts["operationId"]))

    @property
    def name(self) -> str:
        """The method and the path, as HTML."""
        return f'<span class="method {self.method}">{self.method.upper()}</span> {code(self.path)}'


def page_of(document: dict[str, Any]) -> tuple[str, str]:
    """The page of an OpenAPI document, and the Content-Security-Policy under which it works.

    It is read from top to bottom, works without a script, and names every operation, parameter and
    schema. All texts of the document are escaped.
    """
    info = document["info"]
    title = escape(str(info["title"]))
    operations = list(_operations(document))
    body = "".join(
        [
            '<a class="skip" href="#main">Go to the operations</a>',
            f"<header><h1>{title}</h1><p>Version {escape(str(info['version']))}. ",
            'The same as data: <a href="openapi.json">openapi.json</a></p>',
            prose(str(info.get("description", ""))),
            f"</header>{_contents(operations)}",
            f'<main id="main">{_main(document, operations)}</main>',
        ]
    )
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body>{body}</body></html>"
    )
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    return html, _POLICY.format(digest=digest)


def _operations(document: Mapping[str, Any]) -> Iterator[_Operation]:
    for path, item in document["paths"].items():
        shared = list(item.get("parameters", ()))
        for method in _METHODS:
            if method in item:
                parameters = [*shared, *item[method].get("parameters", ())]
                yield _Operation(method, path, item[method], parameters)


def _contents(operations: list[_Operation]) -> str:
    items = "".join(f'<li><a href="#{escape(one.id)}">{one.name}</a></li>' for one in operations)
    return f'<nav aria-label="Operations"><h2>Operations</h2><ul>{items}</ul></nav>'


def _main(document: Mapping[str, Any], operations: list[_Operation]) -> str:
    components: Mapping[str, Any] = document.get("components", {})
    samples = Samples(document)
    parts: list[str] = []
    for tag in document.get("tags", ()):
        name = str(tag["name"])
        own = [one for one in operations if one.tag == name]
        head = escape(anchor("tag", name))
        shown = "".join(_operation(one, components, samples) for one in own)
        parts.append(
            f'<section aria-labelledby="{head}"><h2 id="{head}">{escape(name)}</h2>'
            f"{prose(str(tag.get('description', '')))}{shown}</section>"
        )
    schemas = "".join(
        f'<article aria-labelledby="{escape(anchor("schema", name))}">'
        f'<h3 id="{escape(anchor("schema", name))}">{escape(name)}</h3>'
        f"{prose(str(schema.get('description', '')))}{fields_of(name, schema)}</article>"
        for name, schema in components.get("schemas", {}).items()
    )
    parts.append(
        f'<section aria-labelledby="schemas"><h2 id="schemas">Schemas</h2>{schemas}</section>'
    )
    return "".join(parts)


def _operation(one: _Operation, components: Mapping[str, Any], samples: Samples) -> str:
    parts = one.parts
    body = "".join(
        f"<h4>Body</h4><p>{code(media)}: {kind_of(content['schema'])}</p>"
        for media, content in parts.get("requestBody", {}).get("content", {}).items()
    )
    return (
        f'<article aria-labelledby="{escape(one.id)}">'
        f'<h3 id="{escape(one.id)}">{one.name}</h3>'
        f"<p><strong>{escape(str(parts.get('summary', '')))}</strong></p>"
        f"{prose(str(parts.get('description', '')))}{_security(parts)}"
        f"{_parameters(one)}{body}{_answers(one, components)}"
        f'<h4>Example</h4><pre tabindex="0"><code>'
        f"{escape(samples.curl(one.method, one.path, parts))}</code></pre></article>"
    )


def _security(parts: Mapping[str, Any]) -> str:
    needed = [_NEEDED[name] for one in parts.get("security", ()) for name in one]
    return f"<p>It needs {' and '.join(needed)}.</p>" if needed else "<p>It needs no token.</p>"


def _parameters(one: _Operation) -> str:
    if not one.parameters:
        return ""
    rows = [
        [
            code(parameter["name"]),
            escape(str(parameter["in"])),
            kind_of(parameter["schema"]),
            "yes" if parameter.get("required") else "no",
            prose(str(parameter.get("description", ""))),
        ]
        for parameter in one.parameters
    ]
    heads = ["Name", "Where", "Value", "Required", "What it is"]
    return f"<h4>Parameters</h4>{table('Parameters', heads, rows)}"


def _answers(one: _Operation, components: Mapping[str, Any]) -> str:
    rows: list[list[str]] = []
    for status, answer in one.parts["responses"].items():
        if "$ref" in answer:
            answer = components["responses"][answer["$ref"].rpartition("/")[2]]
        content = "<br>".join(
            f"{code(media)}: {kind_of(part['schema'])}"
            for media, part in answer.get("content", {}).items()
        )
        headers = ", ".join(code(name) for name in answer.get("headers", {}))
        rows.append([escape(status), prose(str(answer["description"])), content, headers])
    heads = ["Status", "When", "Content", "Headers"]
    return f"<h4>Answers</h4>{table('Answers', heads, rows)}"
