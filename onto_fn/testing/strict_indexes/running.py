"""Run the proxy: one port for gRPC and HTTP, as the emulator has."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Self

from typing_extensions import override

from onto_fn.testing.emulators.service import Service
from onto_fn.testing.strict_indexes.checking import Checker
from onto_fn.testing.strict_indexes.grpc_calls import GrpcCalls
from onto_fn.testing.strict_indexes.http_calls import HttpCalls

_HOST = "127.0.0.1"
_HTTP2 = b"PRI * HTTP/2.0"  # the first bytes of gRPC
_CHUNK = 256 * 1024


class Front:
    """The proxy, in a running event loop.

    Args:
        emulator: the emulator's address, such as "127.0.0.1:8080".
        checker: decides about the queries.
    """

    def __init__(self, emulator: str, checker: Checker) -> None:
        host, _, port = emulator.rpartition(":")
        self._http = HttpCalls(host or _HOST, int(port), checker)
        self._grpc = GrpcCalls(emulator, checker)
        self._grpc_port = 0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> int:
        """Listen on a port of this machine, by default a free one, and return it."""
        self._grpc_port = await self._grpc.start()
        self._server = await asyncio.start_server(self._accept, _HOST, port)
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def stop(self) -> None:
        """Stop listening, and close the connections."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.cancel()
        await self._grpc.stop()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        try:
            first = await reader.read(_CHUNK)
            if _HTTP2.startswith(first[: len(_HTTP2)]):
                await self._pipe(first, reader, writer)
            else:
                await self._http.serve(first, reader, writer)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # either end has closed the connection, or the proxy stops
        finally:
            writer.close()

    async def _pipe(
        self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Join a connection to the gRPC server."""
        back_reader, back_writer = await asyncio.open_connection(_HOST, self._grpc_port)
        try:
            back_writer.write(first)
            ways = [
                asyncio.ensure_future(_copy(reader, back_writer)),
                asyncio.ensure_future(_copy(back_reader, writer)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
        finally:
            back_writer.close()


class StrictIndexes(Service):
    """The proxy, in a thread of its own.

    ```python
    with StrictIndexes("127.0.0.1:8080", Checker("path/to/project")) as strict:
        os.environ["FIRESTORE_EMULATOR_HOST"] = strict.address
    ```

    Args:
        emulator: the emulator's address.
        checker: decides about the queries.
        port: the port to listen on, by default a free one.
    """

    def __init__(self, emulator: str, checker: Checker, port: int = 0) -> None:
        self._front = Front(emulator, checker)
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def address(self) -> str:
        """The address for clients, such as "127.0.0.1:40001"."""
        return f"{_HOST}:{self._port}"

    @override
    def start(self) -> Self:
        """Listen."""
        self._thread.start()
        starting = asyncio.run_coroutine_threadsafe(self._front.start(self._port), self._loop)
        self._port = starting.result()
        return self

    @override
    def stop(self) -> None:
        """Stop listening, and close the connections."""
        if self._thread.is_alive():
            with contextlib.suppress(TimeoutError):
                asyncio.run_coroutine_threadsafe(self._front.stop(), self._loop).result(5)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while content := await reader.read(_CHUNK):
            writer.write(content)
            await writer.drain()
