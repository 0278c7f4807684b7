"""Processes: a scan's parts, worked on by several processes at the same time.

Python computes on one core per process, so a large scan is as fast as its cores if each has a
process. They share nothing but the database: each opens its connection, and talks to this process
through a pipe of its own, so the death of one holds up no other.

To start Python and to import the app takes a second or so. A fork of a process that has done it
takes none of that, but is safe only while that process has a single thread. So a fork is made
before the first connection, and waits for what it is to work with.
"""

from __future__ import annotations

import os
import signal
import sys
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
Description = TypeVar("Description")

LARGE = 50_000
"""Number of roots from which further processes pay that start Python and import the app."""
LARGE_IF_FORKED = 5_000
"""The same for forks."""
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

    Attributes:
        size: how many processes.
        worth: number of roots from which they are used.
    """

    def __init__(self, size: int, worth: int = 0) -> None:
        self.size = size
        self.worth = worth
        self._workers: list[_Worker] = []
        self._equip: object = None

    def fork(self, make: Callable[[Any], Tool[T, R]]) -> None:
        """Make the processes as forks of this one; see `can_fork`.

        Args:
            make: makes the tool of a process, from what `equip` sends it.
        """
        self._start("fork", make)

    def equip(self, description: object) -> None:
        """Say what the processes work with.

        Args:
            description: must be picklable. Without `fork`, it is called in each process and makes
                its tool.
        """
        self._equip = description

    def _start(self, method: str, make: Callable[[Any], Tool[T, R]]) -> None:
        context: Any = get_context(method)
        for _ in range(self.size):
            ours, theirs = context.Pipe()
            # A fork has the parent's ends of the pipes, and would keep those of the others open.
            others = [ours, *(w.connection for w in self._workers)] if method == "fork" else []
            process = context.Process(target=_serve, args=(theirs, others, make), daemon=True)
            with _interrupts_held_back():
                process.start()
            theirs.close()
            self._workers.append(_Worker(process, ours))

    def begin(self) -> None:
        """Let the processes make their tools; `run` does it too."""
        if not self._workers:
            self._start("spawn", _called)
        if self._equip is not None:
            for worker in self._workers:
                with suppress(OSError):  # it has died: its end of the pipe says so
                    worker.connection.send((self._equip,))
            self._equip = None

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
        self.begin()
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
    """Processes for the time of the block, each of which starts Python; see `Pool`.

    Args:
        equip: makes the tool of a process; it is called there, so it must be picklable.
        size: how many processes.
    """
    pool = Pool[T, R](size)
    pool.equip(equip)
    try:
        pool.begin()
        yield pool
    finally:
        pool.close()


def can_fork() -> bool:
    """Whether a fork of this process is safe.

    It must have no thread that could hold a lock, and no connection that the app opened when it was
    imported: two processes that speak on one connection mix up its answers. Only Linux says how
    many threads there are, those of libraries included. On a Mac, the system's own libraries do not
    allow a fork.
    """
    if sys.platform != "linux":
        return False
    try:
        return len(os.listdir("/proc/self/task")) == 1 and not any(
            _is_socket(int(number)) for number in os.listdir("/proc/self/fd")
        )
    except OSError:
        return False


def _is_socket(number: int) -> bool:
    """Whether an open file, other than the standard ones, is a socket."""
    if number <= 2:
        return False
    try:
        return os.readlink(f"/proc/self/fd/{number}").startswith("socket:")
    except OSError:  # closed meanwhile: the one that lists them
        return False


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


def _called(equip: Callable[[], Tool[T, R]]) -> Tool[T, R]:
    return equip()


def _serve(
    connection: Connection, others: Sequence[Connection], make: Callable[[Any], Tool[Any, Any]]
) -> None:
    """What a process does until its parent closes the pipe, or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it could not be held back
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for other in others:
        other.close()
    stop, items = Event(), SimpleQueue[Any]()
    usage = Usage()

    def send(kind: str, value: object = None) -> None:
        connection.send((kind, value, usage.billed))

    with suppress(OSError, EOFError):  # the parent has gone: nobody hears of it
        try:
            (description,) = connection.recv()
            Thread(target=_receive, args=(connection, items, stop), daemon=True).start()
            with fewer_collections():
                tool = make(description)
                usage = tool.usage
                while (item := items.get()) is not None:
                    for result in tool.work(item[0], stop):
                        send("result", result)
                    send("done")
        except (OSError, EOFError):
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
