"""What Firestore answers, as the engine's errors: to try again, or to quarantine."""

import json

import pytest
from google.api_core import exceptions as google

from onto_fn.errors import (
    Contention,
    DocumentTooLarge,
    MissingIndex,
    PermanentError,
    TransientError,
)
from onto_fn.firestore import Filter, Query
from onto_fn.firestore.faults import translated
from onto_fn.firestore.queries import Order


@pytest.mark.parametrize(
    "message",
    [
        "The referenced transaction has expired or is no longer valid.",
        "Transaction is invalid or closed.",
        "Invalid transaction.",
    ],
)
def test_a_transaction_that_the_server_ended_is_tried_again(message: str) -> None:
    with pytest.raises(Contention), translated(in_transaction=True):
        raise google.InvalidArgument(message)


@pytest.mark.parametrize(
    "message",
    ["Transaction too big. Decrease transaction size.", "too many writes in the transaction"],
)
def test_a_transaction_that_can_never_be_applied_is_permanent(message: str) -> None:
    with pytest.raises(PermanentError), translated(in_transaction=True):
        raise google.InvalidArgument(message)


@pytest.mark.parametrize(
    "message",
    [
        "gRPC message exceeds maximum size 4194304: 6000000",
        "Sent message larger than max",
    ],
)
def test_a_message_too_large_for_the_transport_is_permanent(message: str) -> None:
    with pytest.raises(DocumentTooLarge), translated(in_transaction=False):
        raise google.ResourceExhausted(message)


def test_a_quota_that_is_used_up_is_tried_again() -> None:
    with pytest.raises(TransientError), translated(in_transaction=False):
        raise google.ResourceExhausted("Quota exceeded.")


def test_a_missing_index_is_named_as_firestore_indexes_json_has_it() -> None:
    query = Query(
        "onto_contributions",
        (Filter("groups", "array_contains", "g"),),
        (Order("extremes.most", descending=True),),
        limit=1,
    )

    with pytest.raises(MissingIndex) as raised, translated(in_transaction=False, query=query):
        raise google.FailedPrecondition("The query requires an index. You can create it here: …")

    message = str(raised.value)
    assert (
        '{"collectionGroup": "onto_contributions", "queryScope": "COLLECTION", "fields": '
        '[{"fieldPath": "groups", "arrayConfig": "CONTAINS"}, '
        '{"fieldPath": "extremes.most", "order": "DESCENDING"}]}'
    ) in message
    assert "You can create it here" in message


def test_a_missing_index_quotes_names_that_are_not_simple() -> None:
    query = Query(
        "towns",
        (Filter("due-date", "==", 1), Filter("`a.b`.1st", "array_contains", 1)),
        (Order("café"),),
    )

    with pytest.raises(MissingIndex) as raised, translated(in_transaction=False, query=query):
        raise google.FailedPrecondition("The query requires an index.")

    for path in ("`due-date`", "`a.b`.`1st`", json.dumps("`café`")[1:-1]):
        assert f'"fieldPath": "{path}"' in str(raised.value)


def test_a_precondition_of_a_query_that_is_no_index_is_tried_again() -> None:
    with pytest.raises(Contention), translated(in_transaction=True, query=Query("people")):
        raise google.FailedPrecondition("the transaction was too slow")
