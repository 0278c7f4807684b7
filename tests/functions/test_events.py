"""Events as Firestore sends them, decoded: protobuf, JSON, damaged, or without a payload."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cloudevents.http import CloudEvent
from google.events.cloud.firestore import DocumentEventData
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from onto_fn.errors import UndecodableEvent
from onto_fn.firestore import Document, Reference
from onto_fn.firestore.values import encode_fields
from onto_fn.functions import decode_event
from onto_fn.observability import Change
from tests.strategies import document_paths, documents

PREFIX = "projects/demo/databases/(default)/documents"
CREATED = datetime(2026, 1, 1, 0, 0, 0, 123456, UTC)
UPDATED = CREATED + timedelta(seconds=1)
FIELDS = {"firstName": "Tove", "friend": Reference("users/b"), "age": 7}


def message(
    path: str, fields: dict[str, Any] | None, time: datetime | None = None
) -> dict[str, Any] | None:
    if fields is None:
        return None
    encoded = encode_fields(fields, documents=PREFIX, where=path)
    return {
        "name": f"{PREFIX}/{path}",
        "fields": {name: json_format.MessageToDict(value) for name, value in encoded.items()},
        "createTime": CREATED.isoformat().replace("+00:00", "Z"),
        "updateTime": (time or CREATED).isoformat().replace("+00:00", "Z"),
    }


def payload(
    before: dict[str, Any] | None, after: dict[str, Any] | None, path: str = "users/a"
) -> dict[str, Any]:
    """An event's data in JSON: a document before and after a change."""
    versions = {
        "oldValue": message(path, before),
        "value": message(path, after, CREATED if before is None else UPDATED),
    }
    return {name: version for name, version in versions.items() if version is not None}


def binary(data: dict[str, Any]) -> bytes:
    parsed = json_format.ParseDict(data, DocumentEventData.pb()())
    return parsed.SerializeToString()


def decoded(data: object, **attributes: str) -> Change:
    return decode_event(event(data, **attributes)).change


def event(data: object, **attributes: str) -> CloudEvent:
    known = {
        "type": "google.cloud.firestore.document.v1.written",
        "source": "//firestore.googleapis.com/projects/demo/databases/(default)",
        "id": "event-1",
        "database": "(default)",
        "project": "demo",
        "document": "users/a",
        "subject": "documents/users/a",
        "datacontenttype": "application/protobuf",
    }
    kept = {name: value for name, value in {**known, **attributes}.items() if value != "-"}
    return CloudEvent(kept, data)


JSON = {"datacontenttype": "application/json"}
FORMS: list[Any] = [
    pytest.param(lambda data: decoded(binary(data)), id="protobuf"),
    pytest.param(lambda data: decoded(data, **JSON), id="dict"),
    pytest.param(lambda data: decoded(json.dumps(data), **JSON), id="text"),
    pytest.param(lambda data: decoded(json.dumps(data).encode(), **JSON), id="bytes"),
    pytest.param(
        lambda data: decoded(
            json.dumps(data).encode(), datacontenttype="application/json; charset=utf-8"
        ),
        id="charset",
    ),
]
Decode = Callable[[dict[str, Any]], Change]


@pytest.mark.parametrize("decode", FORMS)
def test_an_update_has_both_versions(decode: Decode) -> None:
    change = decode(payload({"n": 1}, FIELDS))

    assert change == Change(
        "users/a",
        Document("users/a", {"n": 1}, CREATED),
        Document("users/a", FIELDS, UPDATED),
        "event-1",
    )


@pytest.mark.parametrize("decode", FORMS)
def test_a_creation_has_no_version_before(decode: Decode) -> None:
    change = decode(payload(None, FIELDS))

    assert change.before == Document("users/a", None, None)
    assert change.after == Document("users/a", FIELDS, CREATED)


@pytest.mark.parametrize("decode", FORMS)
def test_a_deletion_has_no_version_after(decode: Decode) -> None:
    change = decode(payload(FIELDS, None))

    assert change.before == Document("users/a", FIELDS, CREATED)
    assert change.after == Document("users/a", None, None)
    assert change.is_known


def test_a_write_that_changed_nothing_is_a_no_op() -> None:
    data = payload(FIELDS, FIELDS)
    data["value"]["updateTime"] = data["oldValue"]["updateTime"]

    assert decoded(binary(data)).is_no_op
    assert not decoded(binary(payload(FIELDS, FIELDS))).is_no_op


@given(document_paths, documents)
def test_every_document_and_every_path_is_decoded(path: str, fields: dict[str, Any]) -> None:
    change = decoded(binary(payload(None, fields, path)))

    assert change.after == Document(path, fields, CREATED)


@pytest.mark.parametrize("path", ["users/Åsa", "日本/東京", "users/a b%20c", "users/🏟️"])
def test_the_payloads_name_counts_before_an_encoded_header(path: str) -> None:
    change = decoded(binary(payload(None, {}, path)), document="users/%C3%85sa")

    assert change.path == path


UNKNOWN: list[Any] = [
    pytest.param(None, {}, id="none"),
    pytest.param(b"", {}, id="empty"),
    pytest.param(b"", JSON, id="empty json"),
    pytest.param("", JSON, id="empty text"),
    pytest.param({}, JSON, id="no version"),
    pytest.param(b"\xff\xfe\xfd", {}, id="garbage"),
    pytest.param(binary(payload(None, FIELDS))[:-3], {}, id="cut off"),
    pytest.param(b"{not json", JSON, id="no json"),
    pytest.param(b"\xff{}", JSON, id="no utf-8"),
    pytest.param("[1, 2]", JSON, id="list"),
    pytest.param({"value": {"unheard": "of"}}, JSON, id="unknown field"),
    pytest.param({"value": 7}, JSON, id="no document"),
    pytest.param(3.14, {}, id="number"),
    pytest.param({"value": {}}, JSON, id="document without name"),
    pytest.param(b"\x0a\x00", {}, id="empty document"),
    pytest.param({"value": {"name": "users/a"}}, JSON, id="short name"),
]


@pytest.mark.parametrize(("data", "attributes"), UNKNOWN)
def test_a_payload_that_says_nothing_is_a_change_of_unknown_content(
    data: object, attributes: dict[str, str]
) -> None:
    change = decoded(data, **attributes)

    assert change == Change("users/a", None, None, "event-1")
    assert not change.is_known


@given(st.binary(max_size=60))
def test_no_binary_payload_loses_a_change_whose_header_names_the_document(data: bytes) -> None:
    assert decoded(data).path


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
odd_documents = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("name", "fields", "createTime", "updateTime"), json_values)
)


@given(st.fixed_dictionaries({}, optional={"value": odd_documents | json_values, "x": json_values}))
def test_no_json_payload_loses_a_change_whose_header_names_the_document(data: Any) -> None:
    assert decoded(json.dumps(data), **JSON).path


@pytest.mark.parametrize(
    ("attributes", "path"),
    [
        ({"document": "users/a/x/b"}, "users/a/x/b"),
        ({"document": "-", "subject": "documents/users/s"}, "users/s"),
        ({"document": "-", "subject": "users/s"}, "users/s"),
        ({"document": "users/Åsa".encode().decode("latin-1")}, "users/Åsa"),
        ({"document": "users/日本"}, "users/日本"),
    ],
)
def test_without_a_payload_the_headers_name_the_document(
    attributes: dict[str, str], path: str
) -> None:
    assert decoded(None, **attributes).path == path


@pytest.mark.parametrize("document", ["-", "users", "users/", "a/b/c"])
def test_an_event_that_names_no_document_is_undecodable(document: str) -> None:
    with pytest.raises(UndecodableEvent, match=r"'event-1' of type .* names no document"):
        decoded(None, document=document, subject="-")


def test_an_event_tells_its_database_and_project() -> None:
    found = decode_event(event(binary(payload(None, {})), database="archive", project="other"))

    assert (found.database, found.project) == ("archive", "other")


def test_an_event_without_a_database_is_of_the_default_one() -> None:
    found = decode_event(event(binary(payload(None, {})), database="-", project="-"))

    assert (found.database, found.project) == ("(default)", None)
