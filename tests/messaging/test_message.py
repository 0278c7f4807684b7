"""Messages: what is sent over HTTP and Pub/Sub is what is received."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onto_fn.errors import UndecodableMessage
from onto_fn.events.message import DELETED, WRITTEN
from onto_fn.firestore import Reference
from onto_fn.firestore.json import json_text
from onto_fn.messaging import Message
from tests.strategies import document_paths, documents, instants

SOURCE = "//firestore.googleapis.com/projects/p/databases/(default)"


def message(**changes: Any) -> Message:
    fields: dict[str, Any] = {
        "id": "abc-0001",
        "source": SOURCE,
        "type": WRITTEN,
        "subject": "users/ada",
        "time": datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        "key": "users/ada",
        "version": 1767323045678901,
        "body": b'{"name":"Ada"}',
    }
    return Message(**(fields | changes))


messages = st.builds(
    lambda path, fields, time, version: message(
        subject=path,
        key=path,
        time=time,
        version=version,
        type=WRITTEN if fields is not None else DELETED,
        body=json_text(fields).encode(),
    ),
    document_paths,
    st.none() | documents,
    instants,
    st.integers(0, 2**63),
)


@given(messages)
def test_what_goes_over_http_arrives_as_it_was(sent: Message) -> None:
    assert Message.from_http(sent.headers(), sent.body) == sent


@given(messages)
def test_what_goes_over_pubsub_arrives_as_it_was(sent: Message) -> None:
    assert Message.from_pubsub(sent.attributes(), sent.body) == sent


@given(messages)
def test_what_pubsub_pushes_arrives_as_it_was(sent: Message) -> None:
    body = {
        "message": {
            "attributes": sent.attributes(),
            "data": base64.b64encode(sent.body).decode(),
            "messageId": "1",
        },
        "subscription": "projects/p/subscriptions/s",
    }

    assert Message.from_push(json.dumps(body)) == sent
    assert Message.from_push(body) == sent


@given(messages)
def test_headers_have_only_what_http_allows(sent: Message) -> None:
    assert all("!" <= character <= "~" for value in sent.headers().values() for character in value)


@given(messages, messages)
def test_sequences_as_text_are_in_the_order_of_the_versions(one: Message, other: Message) -> None:
    limit = 10**16  # until the year 2286
    versions = [one.version % limit, other.version % limit]
    texts = [message(version=version).attributes()["ce-sequence"] for version in versions]

    assert (texts[0] < texts[1]) == (versions[0] < versions[1])


def test_the_attributes_are_those_of_cloudevents() -> None:
    assert message().attributes() == {
        "ce-specversion": "1.0",
        "ce-id": "abc-0001",
        "ce-source": SOURCE,
        "ce-type": "fn.onto.document.written",
        "ce-subject": "users/ada",
        "ce-time": "2026-01-02T03:04:05.678901Z",
        "ce-partitionkey": "users/ada",
        "ce-sequence": "1767323045678901",
        "content-type": "application/json",
    }


def test_the_id_is_the_idempotency_key() -> None:
    assert message().headers()["Idempotency-Key"] == "abc-0001"


def test_a_deletion_has_no_data() -> None:
    received = Message.from_http(message(type=DELETED, body=b"null").headers(), b"null")

    assert received.data is None


def test_header_names_are_understood_in_any_case() -> None:
    headers = {name.upper(): value for name, value in message().headers().items()}

    assert Message.from_http(headers, message().body) == message()


def test_the_structured_mode_is_understood_too() -> None:
    attributes = {
        name.removeprefix("ce-"): value
        for name, value in message().attributes().items()
        if name.startswith("ce-")
    }
    event = {**attributes, "datacontenttype": "application/json", "data": {"name": "Ada"}}

    received = Message.from_http(
        {"Content-Type": "application/cloudevents+json"}, json.dumps(event)
    )

    assert received.data == {"name": "Ada"}
    assert received.version == message().version


@pytest.mark.parametrize(
    "missing", ["ce-id", "ce-source", "ce-type", "ce-subject", "ce-partitionkey", "ce-sequence"]
)
def test_a_message_that_lacks_an_attribute_is_refused(missing: str) -> None:
    attributes = message().attributes()
    del attributes[missing]

    with pytest.raises(UndecodableMessage, match="needs the CloudEvents attributes"):
        Message.from_pubsub(attributes, b"{}")


def test_a_request_that_is_no_message_is_refused() -> None:
    with pytest.raises(UndecodableMessage):
        Message.from_http({"content-type": "text/html"}, b"<p>Hello</p>")


@pytest.mark.parametrize("body", [b"no JSON", "{}", '{"message": {"data": "e30="}}', "[]"])
def test_a_push_request_that_is_none_is_refused(body: bytes | str) -> None:
    with pytest.raises(UndecodableMessage, match="Pub/Sub push request"):
        Message.from_push(body)


@given(documents)
def test_every_document_has_one_json_text(fields: dict[str, Any]) -> None:
    text = json_text(fields)

    assert text == json_text(dict(reversed(fields.items())))
    assert json.loads(text).keys() == fields.keys()


def test_values_that_json_lacks_have_a_form_of_their_own() -> None:
    from google.cloud.firestore_v1 import GeoPoint

    fields = {
        "at": datetime(2026, 1, 2, 3, 4, 5, 6, UTC),
        "zoned": datetime.fromisoformat("2026-01-02T03:04:05+02:00"),
        "bytes": b"\x00\xff",
        "by": Reference("users/ada"),
        "where": GeoPoint(52.5, 13.4),
        "none": None,
        "numbers": [1, 1.5, float("nan"), float("inf"), float("-inf"), True],
        "text": "ü",
    }

    assert json.loads(json_text(fields)) == {
        "at": "2026-01-02T03:04:05.000006Z",
        "zoned": "2026-01-02T01:04:05.000000Z",
        "bytes": "AP8=",
        "by": "users/ada",
        "where": {"latitude": 52.5, "longitude": 13.4},
        "none": None,
        "numbers": [1, 1.5, "NaN", "Infinity", "-Infinity", True],
        "text": "ü",
    }


def test_no_document_is_null() -> None:
    assert json_text(None) == "null"


def test_a_time_without_a_zone_is_utc() -> None:
    attributes = message().attributes() | {"ce-time": "2026-01-02T03:04:05"}

    assert Message.from_pubsub(attributes, b"{}").time.utcoffset() == timedelta(0)


LONG = "users/" + "é" * 700


def test_a_path_that_is_longer_than_an_attribute_of_pubsub_is_in_the_data() -> None:
    sent = message(subject=LONG)

    attributes, data = sent.for_pubsub()

    assert all(len(value.encode()) <= 1024 for value in attributes.values())
    received = Message.from_pubsub(attributes, data)
    assert (received.subject, received.data) == (LONG, {"name": "Ada"})
    assert (received.id, received.key, received.version) == (sent.id, sent.key, sent.version)


def test_a_path_that_is_longer_than_a_header_is_in_the_body() -> None:
    sent = message(subject=LONG)

    headers, body = sent.for_http()

    assert all(len(value) <= 4096 for value in headers.values())
    assert headers["Idempotency-Key"] == sent.id
    assert Message.from_http(headers, body).subject == LONG


@given(messages)
def test_whatever_the_mode_what_is_sent_arrives(sent: Message) -> None:
    for received in (
        Message.from_pubsub(*sent.for_pubsub()),
        Message.from_http(*sent.for_http()),
    ):
        assert (received.id, received.subject, received.time) == (sent.id, sent.subject, sent.time)
        assert (received.version, received.data) == (sent.version, sent.data)


def test_a_path_of_usual_length_is_an_attribute() -> None:
    sent = message()

    assert sent.for_pubsub() == (sent.attributes(), sent.body)
    assert sent.for_http() == (sent.headers(), sent.body)
