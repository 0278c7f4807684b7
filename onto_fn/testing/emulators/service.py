"""Start and stop services, and set the environment variables that lead clients to them."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

__all__ = ["Service", "environment"]

# Clients read the address of an emulator from the environment, when they are made.
_lock = threading.Lock()


class Service(ABC):
    """A service that runs from `start` to `stop`, or during a `with` block."""

    @abstractmethod
    def start(self) -> Self:
        """Start it, and return when it is ready."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it. May be called again."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


@contextmanager
def environment(**variables: str) -> Generator[None]:
    """Set environment variables during a `with` block. Only one thread at a time can do this."""
    with _lock:
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
