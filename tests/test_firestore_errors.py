"""What Firestore answers, as the engine's errors: to try again, or to quarantine."""

import pytest
from google.api_core import exceptions as google

from onto_fn.errors import Contention, DocumentTooLarge, PermanentError, TransientError
from onto_fn.firestore.database import translated


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
