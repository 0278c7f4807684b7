"""Processes: a scan's parts, worked on by several processes at the same time.

Python computes on one core per process, so a large scan is as fast as its cores if each has a
process. They share nothing but the database: each opens the app and its connection, and talks to
this process through a pipe of its own, so the death of one holds up no other.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, Generic, TypeVar

from onto_fn.engine.operate.flow import fewer_collections
from onto_fn.errors import OntoError, RetriesExhausted, TransientError
from onto_fn.firestore.usage import Billed, Usage

T = TypeVar("T")
R = TypeVar("R")

LARGE = 50_000
"""Number of roots from which the start of further processes, a second or so, pays."""
_LOOKS = 0.2  # seconds between two looks at `stop`
_ENDING = 5.0  # seconds for a process to end before it is killed


class WorkerFailed(OntoError):
    """A process of a scan has failed, or was killed; the parts that others had are finished."""


@dataclass(frozen=True)
class Tool(Generic[T, R]):
    """What a process works with.

    Attributes:
        work: does one part; its results are sent to the parent, so they must be picklable.
        usage: what its database is billed for.
    """

    work: Callable[[T, Event], Iterator[R]]
    usage: Usage


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    item: int | None = None
    billed: Billed = field(default_factory=Billed)


class Pool(Generic[T, R]):
    """Processes that live until the end of a scan.

    Args:
        equip: makes the tool of a process; it is called there, so it must be picklable.
        size: how many processes.

    Attributes:
        size: how many processes.
    """

    def __init__(self, equip: Callable[[], Tool[T, R]], size: int) -> None:
        self.size = size
        context = get_context("spawn")
        self._workers: list[_Worker] = []
        for _ in range(size):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, equip), daemon=True)
            with _interrupts_held_back():
                process.start()
            theirs.close()
            self._workers.append(_Worker(process, ours))

    @property
    def billed(self) -> Billed:
        """What all processes together were billed for."""
        return sum((worker.billed for worker in self._workers), Billed())

    @property
    def pids(self) -> list[int]:
        """The ids of the processes."""
        return [worker.process.pid or 0 for worker in self._workers]

    def run(self, items: Sequence[T], stop: Event) -> Iterator[tuple[int, R | None]]:
        """The results of all items as they arrive, each with the number of its item.

        After the last result of an item comes None.

        Args:
            items: the parts; the first ones are begun first.
            stop: no further page is begun once it is set.

        Raises:
            WorkerFailed: a process failed, or was killed. What the others had in hand is finished.
            RetriesExhausted: the platform failed for longer than the retries last.
        """
        left = deque(enumerate(items))
        failed: OntoError | None = None
        is_told = False
        for worker in self._workers:
            self._assign(worker, left)
        while busy := [worker for worker in self._workers if worker.item is not None]:
            if not is_told and (failed is not None or stop.is_set()):
                is_told = True
                left.clear()
                for worker in busy:
                    with suppress(OSError):
                        worker.connection.send(None)
            ready = wait([worker.connection for worker in busy], _LOOKS)
            for worker in busy:
                if worker.connection not in ready or worker.item is None:
                    continue
                number = worker.item
                try:
                    kind, value, worker.billed = worker.connection.recv()
                except (EOFError, OSError):
                    failed = failed or _died(worker)
                    worker.item = None
                    continue
                if kind == "result":
                    yield number, value
                elif kind == "done":
                    self._assign(worker, left)
                    yield number, None
                else:
                    failed = failed or value
                    worker.item = None
        if failed is not None:
            raise failed

    def _assign(self, worker: _Worker, left: deque[tuple[int, T]]) -> None:
        worker.item = None
        if left:
            worker.item, item = left.popleft()
            with suppress(OSError):  # it has died: its end of the pipe says so
                worker.connection.send((item,))

    def close(self) -> None:
        """End the processes; those that do not end by themselves are killed."""
        for worker in self._workers:
            worker.connection.close()
        for worker in self._workers:
            worker.process.join(_ENDING)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()


@contextmanager
def processes(equip: Callable[[], Tool[T, R]], size: int) -> Generator[Pool[T, R]]:
    """Processes for the time of the block; see `Pool`."""
    pool = Pool(equip, size)
    try:
        yield pool
    finally:
        pool.close()


@contextmanager
def _interrupts_held_back() -> Generator[None]:
    """A process that is begun inside never hears Ctrl-C, not even while it imports the app.

    A terminal sends it to all processes, and this one says when to stop. It hears what came
    meanwhile at the end of the block.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _died(worker: _Worker) -> WorkerFailed:
    worker.process.join(_ENDING)
    code = worker.process.exitcode
    ended = f"was killed by signal {-code}" if code is not None and code < 0 else "ended"
    return WorkerFailed(
        f"worker process {worker.process.pid} {ended} in the middle of its work; if memory is "
        "short, pass a smaller --page or fewer --workers, and run the same command again"
    )


def _serve(connection: Connection, equip: Callable[[], Tool[Any, Any]]) -> None:
    """What a process does until its parent closes the pipe, or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it could not be held back
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    stop, items = Event(), SimpleQueue[Any]()
    Thread(target=_receive, args=(connection, items, stop), daemon=True).start()
    usage = Usage()

    def send(kind: str, value: object = None) -> None:
        connection.send((kind, value, usage.billed))

    with suppress(OSError):  # the parent has gone: nobody hears of it
        try:
            with fewer_collections():
                tool = equip()
                usage = tool.usage
                while (item := items.get()) is not None:
                    for result in tool.work(item[0], stop):
                        send("result", result)
                    send("done")
        except OSError:
            raise
        except BaseException as error:
            send("failed", _told(error))


def _receive(connection: Connection, items: SimpleQueue[Any], stop: Event) -> None:
    with suppress(EOFError, OSError):
        while (item := connection.recv()) is not None:
            items.put(item)
    stop.set()
    items.put(None)


def _told(error: BaseException) -> OntoError:
    """The error, for the parent; not every exception survives being pickled."""
    if isinstance(error, TransientError):
        return RetriesExhausted(str(error))
    return WorkerFailed(f"a worker process failed: {type(error).__name__}: {error}")
