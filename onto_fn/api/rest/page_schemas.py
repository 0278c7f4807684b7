"""JSON schemas as HTML: what a value is, in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, cast

Schema = Mapping[str, Any]

_KINDS = {
    "array": "list",
    "boolean": "boolean",
    "integer": "whole number",
    "null": "null",
    "number": "number",
    "object": "object",
    "string": "text",
}
_LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} fields",
    "maxProperties": "at most {} fields",
    "default": "{} by default",
}
_BIGGEST = 2**63 - 1


def code(text: object) -> str:
    """A text as code."""
    return f"<code>{escape(str(text))}</code>"


def prose(text: str) -> str:
    """A description: paragraphs, lists with hyphens, and code in backticks."""
    parts = (block.strip("\n") for block in re.split(r"\n\s*\n", text) if block.strip())
    return "".join(_block(part) for part in parts)


def _block(text: str) -> str:
    if not text.startswith("- "):
        return f"<p>{_line(text)}</p>"
    items = re.split(r"\n- ", text[2:])
    return f"<ul>{''.join(f'<li>{_line(item)}</li>' for item in items)}</ul>"


def _line(text: str) -> str:
    # What is between backticks is at the odd places.
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return "".join(code(part) if place % 2 else escape(part) for place, part in enumerate(parts))


def anchor(kind: str, name: str) -> str:
    """The id of a part of the page."""
    return f"{kind}-{re.sub(r'[^A-Za-z0-9_.-]', '-', name)}"


def kind_of(schema: Schema) -> str:
    """What a value is, as HTML."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f'<a href="#{escape(anchor("schema", name))}">{escape(name)}</a>'
    if "const" in schema:
        return code(_json(schema["const"]))
    if "enum" in schema:
        return "one of " + ", ".join(code(_json(value)) for value in schema["enum"])
    if "type" not in schema:
        for key, joint in (("anyOf", " or "), ("allOf", " and ")):
            if key in schema:
                return joint.join(kind_of(part) for part in schema[key])
        return "any value"
    declared: Any = schema["type"]
    kinds = cast("list[str]", declared if isinstance(declared, list) else [declared])
    made = " or ".join(_KINDS.get(kind, escape(kind)) for kind in kinds)
    if kinds == ["array"]:
        made = _list(schema)
    elif kinds == ["object"] and isinstance(schema.get("additionalProperties"), Mapping):
        made = f"object whose values are each {kind_of(schema['additionalProperties'])}"
    elif kinds == ["object"] and schema.get("properties"):
        names = ", ".join(code(name) for name in schema["properties"])
        made = f"object with {names}"
    limits = ", ".join(_limits(schema))
    return f"{made} ({limits})" if limits else made


def _list(schema: Schema) -> str:
    places = schema.get("prefixItems")
    if places:
        return "list of " + ", ".join(kind_of(place) for place in places)
    items: Schema = schema.get("items") or {}
    return f"list, each item {kind_of(items)}"


def _limits(schema: Schema) -> Iterator[str]:
    if "format" in schema and schema["format"] != "int64":
        yield code(schema["format"])
    if schema.get("contentEncoding"):
        yield escape(str(schema["contentEncoding"]))
    for name, words in _LIMITS.items():
        if name in schema and not _is_64_bits(schema[name]):
            yield words.format(escape(str(schema[name])))
    if schema.get("uniqueItems"):
        yield "each once"
    if "pattern" in schema and not schema.get("contentEncoding"):
        yield f"pattern {code(schema['pattern'])}"
    if isinstance(schema.get("not"), Mapping) and "pattern" in schema["not"]:
        yield f"not {code(schema['not']['pattern'])}"


def _is_64_bits(bound: object) -> bool:
    return isinstance(bound, int) and bound in {_BIGGEST, -_BIGGEST - 1}


def table(caption: str, heads: list[str], rows: list[list[str]]) -> str:
    """A table; the first cell of each row is its head.

    Args:
        caption: for those who do not see it.
        heads: of the columns.
        rows: cells as HTML.
    """
    top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>'
        for row in rows
    )
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def fields_of(name: str, schema: Schema) -> str:
    """The fields of an object, as a table; else what the value is."""
    properties: Mapping[str, Schema] = schema.get("properties", {})
    if not properties:
        return f"<p>{kind_of(schema)}</p>"
    required = set(schema.get("required", ()))
    rows = [
        [
            code(field),
            kind_of(part),
            "yes" if field in required else "no",
            prose(str(part.get("description", ""))),
        ]
        for field, part in properties.items()
    ]
    return table(f"Fields of {name}", ["Field", "Value", "Always there", "What it is"], rows)


def _json(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)
