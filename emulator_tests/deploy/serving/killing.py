"""`KillingProxy`: what an instance takes for Firestore, which ends it inside of a request."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from typing_extensions import override

from onto_fn.testing.chaos import Fault, FaultPlan
from onto_fn.testing.chaos.plans import COMMIT, Decision
from onto_fn.testing.chaos.proxy import FaultProxy
from onto_fn.testing.config import HOST, free_ports
from onto_fn.testing.service import Service


class _Once(FaultPlan):
    """One fault at the first call of a method."""

    def __init__(self, fault: Fault, method: str) -> None:
        super().__init__(seed=0)
        self._fault = fault
        self._method = method

    @override
    def decide(self, worker: str, method: str, number: int) -> Decision:
        happens = method == self._method and number == 0
        return Decision(self._fault if happens else Fault.NONE, whole_instance=True)


class KillingProxy(Service):
    """Forwards every call, and kills the instance once.

    Args:
        target: address of the emulator.
        fault: a kill of the instance.
        kill: does it.
    """

    def __init__(self, target: str, fault: Fault, kill: Callable[[], None]) -> None:
        method = "BatchGetDocuments" if fault is Fault.KILL_BEFORE_READ else COMMIT
        (self._port,) = free_ports(1)
        self._journal: list[dict[str, Any]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

        async def end(whole_instance: bool) -> None:
            kill()

        self._proxy = FaultProxy(
            "instance", target, _Once(fault, method), kill=end, log=self._journal.append
        )

    @property
    def host(self) -> str:
        """Its address."""
        return f"{HOST}:{self._port}"

    @property
    def faults(self) -> list[str]:
        """The names of the faults that happened."""
        return [entry["fault"] for entry in self._journal if "fault" in entry]

    def commits(self, document: str) -> int:
        """How many commits that wrote a document took effect."""
        commits = [entry for entry in self._journal if "commit" in entry]
        return sum(document in [path for path, _ in entry["writes"]] for entry in commits)

    @override
    def start(self) -> KillingProxy:
        self._thread.start()
        self._run(self._proxy.start(self._port))
        return self

    @override
    def stop(self) -> None:
        self._run(self._proxy.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)
