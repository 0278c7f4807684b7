"""Deliveries to workers go by what their functions declare to take."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from typing_extensions import override

from onto_fn.testing.chaos import Deliverer, DeliveryPlan, DeliveryRates, RecordedEvent
from onto_fn.testing.eventually import eventually

AT_ONCE = DeliveryRates(copies=(1,), usual_delay=0, long=0, pair=0, dropped=0)


class Worker:
    """Holds each delivery until three are there at once, or it is clear that they will not be."""

    def __init__(self) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        self._three = threading.Barrier(3)
        worker = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                worker.take()
                self.send_response(200)
                self.end_headers()

            @override
            def log_message(self, format: str, *args: object) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        with suppress(threading.BrokenBarrierError):
            self._three.wait(3)
        with self._lock:
            self._now -= 1


@pytest.fixture
def workers() -> Generator[list[Worker]]:
    workers = [Worker(), Worker()]
    yield workers
    for worker in workers:
        worker.server.shutdown()
        worker.server.server_close()


def deliver(workers: list[Worker], number: int, **options: Any) -> Deliverer:
    addresses = [("127.0.0.1", worker.server.server_port) for worker in workers]
    with Deliverer(DeliveryPlan(1, AT_ONCE), {"batch": addresses}, **options) as deliverer:
        for n in range(number):
            headers = {"ce-id": f"e{n}", "ce-type": "t"}
            deliverer.take(RecordedEvent("batch", "", headers, b"{}", n, droppable=False))
        eventually(lambda: deliverer.outstanding == 0, deadline=60)
    return deliverer


def test_a_worker_gets_no_more_at_once_than_its_function_takes(workers: list[Worker]) -> None:
    deliverer = deliver(workers, 6, concurrency={"batch": 1})

    assert [worker.most for worker in workers] == [1, 1]
    assert deliverer.counts["acknowledged"] == 6
    assert deliverer.counts["redeliveries"] == 0


def test_without_a_bound_it_gets_all_at_once(workers: list[Worker]) -> None:
    deliver(workers[:1], 3)

    assert workers[0].most == 3
