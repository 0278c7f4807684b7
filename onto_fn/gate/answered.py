"""Errors of the library as refusals, which show a caller nothing of the app."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager

from onto_fn.errors import (
    OntoError,
    PermanentError,
    TransientError,
)
from onto_fn.gate.refusal import Refusal, invalid

_log = logging.getLogger("onto_fn")


@contextmanager
def answered(what: str) -> Generator[None]:
    """Errors of the library as refusals, which show a caller nothing of the app's inside.

    Args:
        what: the view that is read, for the log.

    Raises:
        Refusal: it could not be read.
    """
    try:
        yield
    except Refusal:
        raise
    except TransientError as error:
        raise Refusal("unavailable", "the database does not answer; try again") from error
    except OntoError as error:
        raise refusal_of(what, error) from error


def refusal_of(what: str, error: OntoError) -> Refusal:
    """The refusal for an error of the library that is none of the caller's; it is logged."""
    _log.error("%s cannot be read: %s", what, error)
    return Refusal("internal", f"{what} cannot be computed; the log says why")


@contextmanager
def refused_values(*, asked: bool) -> Generator[None]:
    """What Firestore refuses of a query is a fault of the caller, if the caller chose values.

    Raises:
        Refusal: a value is too long, say, or none that Firestore has.
    """
    try:
        yield
    except PermanentError as error:
        if not asked:
            raise
        raise invalid(["the cursor or a condition has a value that no field can have"]) from error
