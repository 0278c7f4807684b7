"""Google's Python client, which speaks gRPC, on an emulator that checks its queries."""

from __future__ import annotations

import json
import queue
from typing import Any

import pytest
from google.api_core.exceptions import FailedPrecondition, InvalidArgument
from google.cloud import firestore
from google.cloud.firestore import Client
from google.cloud.firestore_v1 import types
from google.cloud.firestore_v1.base_query import FieldFilter
from google.cloud.firestore_v1.base_vector_query import DistanceMeasure
from google.cloud.firestore_v1.vector import Vector

from emulator_tests.testing.strict_indexes.conftest import Strict

IN_NORWAY = FieldFilter("country", "==", "no")
REFUSED = "The query requires an index. You can create it here: https://console.firebase.google.com"
EXEMPT = "The query requires a COLLECTION_ASC index for collection cities and field motto"


def ids(query: Any) -> list[str]:
    return [found.id for found in query.stream()]


def test_a_query_with_an_index_is_answered(client: Client) -> None:
    norway = client.collection("cities").where(filter=IN_NORWAY)

    assert ids(norway.order_by("population")) == ["bergen", "oslo"]


def test_a_query_without_an_index_is_refused_as_in_production(client: Client) -> None:
    norway = client.collection("cities").where(filter=IN_NORWAY)

    with pytest.raises(FailedPrecondition) as error:
        ids(norway.order_by("population", direction="DESCENDING"))

    assert REFUSED in error.value.message
    assert error.value.message.endswith(
        '{"collectionGroup": "cities", "queryScope": "COLLECTION", "fields": [{"fieldPath": '
        '"country", "order": "ASCENDING"}, {"fieldPath": "population", "order": "DESCENDING"}]}'
    )


def test_an_exempt_field_is_refused(client: Client) -> None:
    with pytest.raises(FailedPrecondition, match=EXEMPT):
        ids(client.collection("cities").where(filter=FieldFilter("motto", "==", "a")))


def test_a_group_needs_an_index_of_its_own(client: Client) -> None:
    group = client.collection_group("cities")

    assert len(ids(group)) == 3
    with pytest.raises(FailedPrecondition, match="COLLECTION_GROUP_ASC"):
        ids(group.where(filter=IN_NORWAY))


def test_an_aggregation_needs_its_field_in_the_index(client: Client) -> None:
    norway = client.collection("cities").where(filter=IN_NORWAY)

    assert norway.sum("population").get()[0][0].value == 1000
    with pytest.raises(FailedPrecondition, match="requires an index"):
        norway.sum("area").get()


def test_a_vector_search_needs_an_index(client: Client) -> None:
    nearest = client.collection("cities").find_nearest(
        vector_field="embedding",
        query_vector=Vector([1.0, 2.0]),
        limit=1,
        distance_measure=DistanceMeasure.EUCLIDEAN,
    )

    with pytest.raises(FailedPrecondition, match="Missing vector index configuration"):
        nearest.get()


def test_a_query_in_a_transaction_is_refused_and_the_transaction_goes_on(client: Client) -> None:
    @firestore.transactional
    def change(transaction: firestore.Transaction) -> None:
        cities = client.collection("cities")
        assert len(cities.where(filter=IN_NORWAY).get(transaction=transaction)) == 2
        with pytest.raises(FailedPrecondition):
            cities.order_by("motto").get(transaction=transaction)
        transaction.update(client.document("cities/oslo"), {"population": 701})

    change(client.transaction())

    assert client.document("cities/oslo").get().get("population") == 701


def test_what_the_emulator_refuses_is_passed_on(client: Client) -> None:
    with pytest.raises(InvalidArgument):
        ids(client.collection("cities").where(filter=FieldFilter("country", "in", [])))


def test_an_edit_of_the_index_file_counts_at_once(client: Client, strict: Strict) -> None:
    by_area = client.collection("cities").where(filter=IN_NORWAY).order_by("area")
    with pytest.raises(FailedPrecondition) as error:
        ids(by_area)

    strict.declare({"indexes": [_entry(error.value.message)]})

    assert ids(by_area) == []


def test_an_index_file_that_is_wrong_is_named_in_the_refusal(
    client: Client, strict: Strict
) -> None:
    strict.file.write_text("{")

    with pytest.raises(FailedPrecondition, match=r"firestore\.indexes\.json is not JSON"):
        ids(client.collection("cities"))


def test_everything_else_works(client: Client) -> None:
    batch = client.batch()
    batch.set(client.document("towns/a"), {"at": firestore.SERVER_TIMESTAMP})
    batch.delete(client.document("cities/rome"))
    batch.commit()
    writer = client.bulk_writer()
    writer.create(client.document("towns/b"), {"n": 1})
    writer.close()

    assert {found.id for found in client.collections()} == {"cities", "towns"}
    assert [found.id for found in client.collection("towns").list_documents()] == ["a", "b"]
    assert [found.exists for found in client.get_all([client.document("cities/rome")])] == [False]
    client.recursive_delete(client.collection("towns"))
    assert ids(client.collection("towns")) == []


def test_a_listener_without_an_index_is_told_and_others_go_on(
    client: Client, strict: Strict
) -> None:
    requests: queue.Queue[types.ListenRequest | None] = queue.Queue()
    database = f"projects/{strict.suite.project_id}/databases/(default)"

    def listen(target: int, **order: Any) -> None:
        asked = client.collection("cities").order_by(**order)._to_protobuf()
        query = {"parent": f"{database}/documents", "structured_query": asked}
        requests.put(
            types.ListenRequest(database=database, add_target={"target_id": target, "query": query})
        )

    listen(2, field_path="motto")
    listen(4, field_path="population")
    requests.put(types.ListenRequest(database=database, remove_target=2))
    metadata = (("google-cloud-resource-prefix", database),)
    stream = client._firestore_api.listen(iter(requests.get, None), metadata=metadata)
    changes: list[str] = []
    causes: list[tuple[int, str]] = []
    for answer in stream:
        change = answer.target_change
        if change.cause.code:
            causes.append((change.cause.code, change.cause.message))
            assert list(change.target_ids) == [2]
        if answer.document_change.document.name:
            changes.append(answer.document_change.document.name.rpartition("/")[2])
        if change.target_change_type == types.TargetChange.TargetChangeType.CURRENT:
            break
    requests.put(None)

    assert changes == ["bergen", "oslo", "rome"]
    assert [code for code, _ in causes] == [9]
    assert causes[0][1].startswith(EXEMPT)


def _entry(message: str) -> dict[str, Any]:
    return json.loads(message.partition("firestore.indexes.json: ")[2])
