"""Examples for the documentation's page: a value of a schema, and a request with curl."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from onto_fn.api.rest.described.audience import APP_CHECK, ID_TOKEN

Schema = Mapping[str, Any]

_TEXTS = {
    "date": "2026-01-02",
    "date-time": "2026-01-02T03:04:05Z",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "uuid": "12345678-1234-5678-1234-567812345678",
}
_TRIED = ("text", "t", "A1", "123", "1234", "12345", "12.50", "03:04:05", "", "a longer text")
"""Texts of which the first that fits is an example."""
_FEW = 5
"""Fields that an example shows besides those that it needs."""


class Samples:
    """Makes examples.

    Args:
        document: the OpenAPI document.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._schemas: Mapping[str, Schema] = document.get("components", {}).get("schemas", {})

    def curl(self, method: str, path: str, operation: Mapping[str, Any]) -> str:
        """A request by curl, as a command of a shell."""
        address = re.sub(r"\{([^}]*)\}", lambda found: found[1].upper(), path)
        words = [f'curl "$API{address}"']
        if method == "head":
            words.append("--head")
        elif method != "get":
            words.append(f"--request {method.upper()}")
        needed = [name for one in operation.get("security", ()) for name in one]
        if ID_TOKEN in needed:
            words.append('--header "Authorization: Bearer $ID_TOKEN"')
        if APP_CHECK in needed:
            words.append('--header "X-Firebase-AppCheck: $APP_CHECK_TOKEN"')
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            words.append(f"--header 'Content-Type: {media_type}'")
            text = json.dumps(self.value(content["schema"]), ensure_ascii=False, indent=2)
            quoted = text.replace("'", "'\\''")
            words.append(f"--data '{quoted}'")
        return " \\\n  ".join(words)

    def value(self, schema: Schema, depth: int = 0) -> Any:
        """A value that looks like those that a schema takes."""
        if "$ref" in schema:
            found = self._schemas.get(str(schema["$ref"]).rpartition("/")[2], {})
            return None if depth > 8 else self.value(found, depth + 1)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        if "allOf" in schema and "type" not in schema:
            return self.value(schema["allOf"][0], depth + 1)
        if "anyOf" in schema and "type" not in schema:
            return self.value(schema["anyOf"][0], depth + 1)
        kinds: Any = schema.get("type", "string")
        kind = cast(str, kinds[0] if isinstance(kinds, list) else kinds)
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "integer":
                return _within(schema, 1)
            case "number":
                return _within(schema, 1.5)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return _text(schema)

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties: Mapping[str, Schema] = schema.get("properties", {})
        required = set(schema.get("required", ()))
        others = [name for name in properties if name not in required][:_FEW]
        if depth > 2:
            others = []
        chosen = required.union(others)
        return {
            name: self.value(part, depth + 1) for name, part in properties.items() if name in chosen
        }

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        places = schema.get("prefixItems", ())
        if places:
            return [self.value(place, depth + 1) for place in places]
        if depth > 6:
            return []
        least = max(1, schema.get("minItems", 0))
        return [self.value(schema.get("items") or {}, depth + 1)] * min(least, 3)


def _within(schema: Schema, wanted: float) -> float:
    for name, step in (("minimum", 0), ("exclusiveMinimum", 1)):
        if name in schema:
            wanted = max(wanted, schema[name] + step)
    for name, step in (("maximum", 0), ("exclusiveMaximum", -1)):
        if name in schema:
            wanted = min(wanted, schema[name] + step)
    return wanted


def _text(schema: Schema) -> str:
    if schema.get("contentEncoding") == "base64":
        return "AP8="
    found = _TEXTS.get(str(schema.get("format")))
    if found is not None:
        return found
    prefix = re.fullmatch(r"\^((?:[A-Za-z0-9_]+/)+)\[\^/\]\+\$", schema.get("pattern", ""))
    if prefix:
        return f"{prefix[1]}ID"
    return next((text for text in _TRIED if _fits(text, schema)), "…")


def _fits(text: str, schema: Schema) -> bool:
    within = schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text))
    return within and re.search(schema.get("pattern", ""), text) is not None
