"""`KillingProxy`: what an instance takes for Firestore, which ends it inside of a request."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from typing_extensions import override

from onto_fn.testing.chaos import Fault, FaultPlan
from onto_fn.testing.chaos.plans import Decision
from onto_fn.testing.chaos.proxy import FaultProxy
from onto_fn.testing.emulators.config import HOST, free_ports
from onto_fn.testing.emulators.service import Service


class _Armed(FaultPlan):
    """One fault, at the next call of a method after it was armed."""

    def __init__(self) -> None:
        super().__init__(seed=0)
        self.fault: tuple[Fault, str] | None = None

    @override
    def decide(self, worker: str, method: str, number: int) -> Decision:
        fault, call = self.fault or (Fault.NONE, "")
        if method != call:
            return Decision(Fault.NONE)
        self.fault = None
        return Decision(fault, whole_instance=True)


class KillingProxy(Service):
    """Forwards every call, and ends the instance inside of the one that it is told.

    Args:
        target: address of the emulator.
    """

    def __init__(self, target: str) -> None:
        (self._port,) = free_ports(1)
        self._plan = _Armed()
        self._kill: Callable[[], None] = lambda: None
        self._journal: list[dict[str, Any]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._proxy = FaultProxy(
            "instance", target, self._plan, kill=self._end, log=self._journal.append
        )

    @property
    def host(self) -> str:
        """Its address."""
        return f"{HOST}:{self._port}"

    def arm(self, fault: Fault, call: str, kill: Callable[[], None]) -> None:
        """End the instance at the next call of a method, and forget what was.

        Args:
            fault: a kill of the instance.
            call: the method of Firestore.
            kill: does it.
        """
        self._journal.clear()
        self._kill = kill
        self._plan.fault = fault, call

    @property
    def faults(self) -> list[str]:
        """The names of the faults that happened since it was armed."""
        return [entry["fault"] for entry in self._journal if "fault" in entry]

    def commits(self, document: str) -> int:
        """How many commits that wrote a document took effect since it was armed."""
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

    async def _end(self, whole_instance: bool) -> None:
        self._kill()

    def _run(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)
