"""The proxy of a worker: its calls are its own."""

from __future__ import annotations

import asyncio

import pytest

from onto_fn.testing.chaos import FaultPlan
from onto_fn.testing.chaos.proxy import FaultProxy


async def _kill(whole_instance: bool) -> None:
    raise AssertionError("it kills nobody")


def test_two_proxies_never_share_a_port() -> None:
    """If they did, each would send some calls of the other's worker to its own database."""
    first, second = (
        FaultProxy(name, "127.0.0.1:1", FaultPlan(1), kill=_kill, log=print) for name in "ab"
    )

    async def start_both() -> None:
        port = await first.start()
        try:
            with pytest.raises(RuntimeError, match=str(port)):
                await second.start(port)
        finally:
            await first.stop()
            await second.stop()

    asyncio.run(start_both())
