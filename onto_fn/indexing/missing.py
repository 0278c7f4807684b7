"""An index that a query needs and the database has not: as production says it, and as JSON."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

from onto_fn.indexing.declared import COLLECTION_GROUP, Field, Index, Json, Mode, Singles, name_mode
from onto_fn.indexing.query import NAME

_CONSOLE = "https://console.firebase.google.com/v1/r/project"
_SHORT = {Mode.ASCENDING: "ASC", Mode.DESCENDING: "DESC", Mode.CONTAINS: "CONTAINS"}
_MULTIPLE_RANGES = (
    " .\nThe query contains range and inequality filters on multiple fields, please refer to the "
    "documentation for index selection best practices: "
    "https://cloud.google.com/firestore/docs/query-data/multiple-range-fields."
)
_SCOPES = {False: 1, True: 2}  # Index.QueryScope: COLLECTION, COLLECTION_GROUP
_ORDERS = {Mode.ASCENDING: 1, Mode.DESCENDING: 2}  # Index.IndexField.Order


@dataclass(frozen=True, slots=True)
class MissingIndex:
    """The index that a query needs.

    Args:
        index: the index.
        singles: the single-field indexes that its field has already, if it has one field only.
        has_ranges: whether the query has ranges of several fields.
    """

    index: Index
    singles: Singles = frozenset()
    has_ranges: bool = False

    @property
    def section(self) -> str:
        """The list of `firestore.indexes.json` that `entry` belongs into."""
        return "fieldOverrides" if self._single is not None else "indexes"

    @property
    def entry(self) -> Json:
        """The entry to add. An override names all indexes of its field."""
        if (field := self._single) is not None:
            wanted = [*self.singles, (field.mode, self.index.group)]
            found = sorted(set(wanted), key=lambda single: (single[1], list(Mode).index(single[0])))
            return {
                "collectionGroup": self.index.collection,
                "fieldPath": field.path,
                "indexes": [_override(mode, group) for mode, group in found],
            }
        return {
            "collectionGroup": self.index.collection,
            "queryScope": self.index.scope,
            "fields": [field.to_json() for field in self._said()],
        }

    def message(self, project: str, database: str = "(default)") -> str:
        """What production answers, with the code FAILED_PRECONDITION; then the entry to add.

        Args:
            project: id of the project, for the link to the console.
            database: id of the database.
        """
        said = self._production(project, database)
        return f"{said}\nOr add to {self.section} of firestore.indexes.json: {self.text()}"

    def text(self) -> str:
        """The entry as one line of JSON."""
        return json.dumps(self.entry)

    def link(self, project: str, database: str = "(default)") -> str:
        """The page of the console that creates the index; the last part is the index itself."""
        field = self._single
        path = f"projects/{project}/databases/{database}/collectionGroups/{self.index.collection}"
        path += f"/fields/{field.path}" if field else "/indexes/_"
        kind = "create_exemption" if field else "create_composite"
        fields = (field,) if field else self.index.fields
        content = _text(1, path) + _number(2, _SCOPES[self.index.group])
        content += b"".join(_bytes(3, _encoded(each)) for each in fields)
        encoded = base64.urlsafe_b64encode(content).decode().rstrip("=")
        place = "" if database == "(default)" else f"databases/{database}/"
        return f"{_CONSOLE}/{project}/firestore/{place}indexes?{kind}={encoded}"

    def _production(self, project: str, database: str) -> str:
        index = self.index
        if index.fields[-1].mode is Mode.VECTOR:
            configs = " ".join(f"--field-config={_gcloud(field)}" for field in index.fields)
            return (
                "Missing vector index configuration. Please create the required index with the "
                f"following gcloud command: gcloud firestore indexes composite create --project="
                f"{project} --collection-group={index.collection} --query-scope={index.scope} "
                f"{configs}"
            )
        link = self.link(project, database)
        if (field := self._single) is not None:
            return (
                f"The query requires a {index.scope}_{_SHORT[field.mode]} index for collection "
                f"{index.collection} and field {field.path}. You can create it here: {link}"
            )
        hint = _MULTIPLE_RANGES if self.has_ranges else ""
        return f"The query requires an index. You can create it here: {link}{hint}"

    @property
    def _single(self) -> Field | None:
        """The only field of an index that is no composite one."""
        said = self._said()
        alone = len(said) == 1 and said[0].path != NAME and said[0].mode is not Mode.VECTOR
        return said[0] if alone else None

    def _said(self) -> tuple[Field, ...]:
        """The fields without a name at the end that Firestore adds by itself."""
        *fields, last = self.index.fields
        implied = bool(fields) and last == Field(NAME, name_mode(fields))
        return tuple(fields) if implied else self.index.fields


def _override(mode: Mode, group: bool) -> Json:
    key = "arrayConfig" if mode is Mode.CONTAINS else "order"
    return {key: mode.value, "queryScope": COLLECTION_GROUP if group else "COLLECTION"}


def _gcloud(field: Field) -> str:
    if field.mode is Mode.VECTOR:
        config = f'{{"dimension":"{field.dimension}","flat": "{{}}"}}'  # as production spaces it
        return f"vector-config='{config}',field-path={field.path}"
    if field.mode is Mode.CONTAINS:
        return f"array-config=CONTAINS,field-path={field.path}"
    return f"order={field.mode.value},field-path={field.path}"


def _encoded(field: Field) -> bytes:
    """A field as google.firestore.admin.v1.Index.IndexField."""
    mode = _number(3, 1) if field.mode is Mode.CONTAINS else _number(2, _ORDERS[field.mode])
    return _text(1, field.path) + mode


def _text(number: int, value: str) -> bytes:
    return _bytes(number, value.encode())


def _bytes(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _number(number: int, value: int) -> bytes:
    return bytes([number << 3]) + _varint(value)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
