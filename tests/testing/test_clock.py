"""The fixture `frozen_time`: the clock of a test's own process."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

from onto_fn import DomainModel, Form, Request
from onto_fn.access import public
from onto_fn.testing import submit
from onto_fn.testing.clock import FrozenTime

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Booking(DomainModel, collection="bookings"):
    asked_at: datetime
    made_at: datetime
    on: date


class BookForm(Form, path="bookForms/{id}", create=public()):
    def submit(self, request: Request) -> list[Booking]:
        now = datetime.now(UTC)
        return [Booking(doc_id="b", asked_at=request.time, made_at=now, on=now.date())]


def test_a_request_and_the_apps_code_see_the_frozen_time(frozen_time: FrozenTime) -> None:
    frozen_time(NOON)

    booking = submit(BookForm, {})["bookings/b"]

    assert booking["askedAt"] == booking["madeAt"] == NOON
    assert booking["on"] == "2026-01-02"


def test_the_time_can_be_set_again_and_as_text(frozen_time: FrozenTime) -> None:
    frozen_time(NOON)
    frozen_time("2026-01-02T13:00Z")

    assert datetime.now(UTC) == NOON + timedelta(hours=1)


def test_the_time_of_a_request_can_be_given_beside_that() -> None:
    assert submit(BookForm, {}, time=NOON)["bookings/b"]["askedAt"] == NOON


def test_clients_wait_by_the_real_clock(frozen_time: FrozenTime) -> None:
    import grpc._channel

    frozen_time(NOON)

    # The deadline of a call on a channel, which a clock in the past would have passed already.
    deadline = grpc._channel._deadline(10.0)  # type: ignore[attr-defined]

    assert time.time() == NOON.timestamp()
    assert deadline is not None
    assert deadline > NOON.timestamp() + 3600


def test_pytest_measures_tests_by_the_real_clock(frozen_time: FrozenTime) -> None:
    from _pytest import timing

    started = timing.perf_counter()

    frozen_time(NOON)

    assert 0 <= timing.perf_counter() - started < 3600


def test_the_clock_runs_again_after_the_test() -> None:
    assert datetime.now(UTC) > NOON + timedelta(days=1)
