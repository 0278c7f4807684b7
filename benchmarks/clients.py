"""Many clients of streams in one process; each comes back when its stream ends."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Client:
    """One client, and what it has seen.

    Attributes:
        path: of the document that it watches.
        number: the last that it was told; it must never fall.
        known: the version, which it sends when it comes back.
        fallen: how often the number fell.
        connections: how often it has come.
    """

    path: str
    number: int = -1
    known: str = ""
    fallen: int = 0
    connections: int = 0
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    async def run(self, address: str) -> None:
        """Watch until it is cancelled."""
        where = urlsplit(address)
        while True:
            with suppress(OSError, asyncio.IncompleteReadError, ValueError):
                await self._watch(where.hostname or "", where.port or 80)
            await asyncio.sleep(random.uniform(0.05, 0.5))

    async def _watch(self, host: str, port: int) -> None:
        reader, writer = await asyncio.open_connection(host, port)
        try:
            known = f"Last-Event-ID: {self.known}\r\n" if self.known else ""
            writer.write(
                f"GET {self.path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n"
                f"{known}\r\n".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise ValueError(head)
            self.connections += 1
            kind = ""
            while line := await reader.readline():
                if line.startswith(b"event: "):
                    kind = line[7:].strip().decode()
                elif line.startswith(b"id: "):
                    self.known = line[4:].strip().decode()
                elif line.startswith(b"data: ") and kind == "snapshot":
                    number = int(json.loads(line[6:])["number"])
                    self.fallen += number < self.number
                    self.number = number
        finally:
            writer.close()


async def main(address: str, clients: int, documents: int) -> None:
    """Run clients; each line of the input asks for what they have seen, its end ends them."""
    everybody = [Client(f"/scorePages/{n % documents}") for n in range(clients)]
    for client in everybody:
        client.task = asyncio.create_task(client.run(address))
        await asyncio.sleep(0.002)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        seen = {
            "numbers": [client.number for client in everybody],
            "fallen": sum(client.fallen for client in everybody),
            "connections": sum(client.connections for client in everybody),
        }
        print(json.dumps(seen), flush=True)
    for client in everybody:
        if client.task is not None:
            client.task.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
