"""A project under rules, and a client without a token who creates documents over REST."""

from __future__ import annotations

import itertools
import json
import secrets
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote

from google.protobuf.json_format import MessageToDict

from onto_fn.firestore.values import encode_fields
from onto_fn.testing import EmulatorSuite
from onto_fn.testing.emulators.process import EmulatorError


class Door:
    """One project of the emulator, whose rules change."""

    def __init__(self, suite: EmulatorSuite) -> None:
        self._suite = suite
        self._project = f"demo-{secrets.token_hex(6)}"
        self._documents = f"projects/{self._project}/databases/(default)/documents"
        self._ids = itertools.count()

    def under(self, rules: str) -> str:
        """Put rules in the place of others; what the compiler says, "" if it takes them."""
        try:
            self._suite.load_rules(rules, project_id=self._project)
        except EmulatorError as error:
            return str(error)
        return ""

    def asks(self, condition: str, functions: str = "") -> str:
        """Rules that allow everything under a condition."""
        return self.under(
            "rules_version = '2';\nservice cloud.firestore {\n"
            f"match /databases/{{database}}/documents {{ match /{{all=**}} {{\n{functions}\n"
            f"allow read, write: if {condition}; }} }} }}"
        )

    def create(self, collection: str, fields: dict[str, Any], identifier: str = "") -> str:
        """Create a document; why it is denied, "" if it is not."""
        name = quote(identifier or f"id{next(self._ids)}", safe="")
        path = _quoted(collection)
        encoded = encode_fields(fields, documents=self._documents, where="document")
        body = {"fields": {name: MessageToDict(value) for name, value in encoded.items()}}
        return self._send(f"{self._documents}/{path}?documentId={name}", body)

    def get(self, path: str) -> str:
        """Get a document; why it is denied, "" if it is not."""
        answer = self._send(f"{self._documents}/{_quoted(path)}", None)
        return "" if "NOT_FOUND" in answer else answer

    def list(self, collection: str, *, everywhere: bool = False) -> str:
        """Query a collection; why it is denied, "" if it is not."""
        parent, _, last = collection.rpartition("/")
        place = f"{self._documents}/{_quoted(parent)}" if parent else self._documents
        source = [{"collectionId": last, "allDescendants": everywhere}]
        return self._send(f"{place}:runQuery", {"structuredQuery": {"from": source}})

    def _send(self, url: str, body: object) -> str:
        request = urllib.request.Request(
            f"http://{self._suite.firestore_host}/v1/{url}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            urllib.request.urlopen(request, timeout=20).close()
        except urllib.error.HTTPError as error:
            return error.read().decode()
        return ""


def _quoted(path: str) -> str:
    return "/".join(quote(part, safe="") for part in path.split("/"))
