"""Run the proxy until Ctrl-C, in front of a running emulator, or with one that it starts.

`python -m onto_fn.testing.strict_indexes --emulator 127.0.0.1:8080 --port 8081` listens on 8081.
`python -m onto_fn.testing.strict_indexes -- java -jar emulator.jar --port=8080` starts the emulator
on another port, and listens on 8080 itself: whoever uses the emulator then uses the proxy.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from onto_fn.testing.emulators.config import HOST, free_ports, is_free
from onto_fn.testing.strict_indexes.checking import Checker
from onto_fn.testing.strict_indexes.running import Front

_PORT = re.compile(r"--port(?:=(\d+))?$")
_POLL_SECONDS = 0.02


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Return the exit status."""
    parsed = _parser().parse_args(arguments)
    if bool(parsed.emulator) == bool(parsed.command):
        print("name either --emulator HOST:PORT or, after --, a command", file=sys.stderr)
        return 2
    checker = Checker(parsed.project_dir, indexes=parsed.indexes, tell=partial(_tell, parsed.log))
    if parsed.emulator:
        return asyncio.run(_in_front(parsed.emulator, checker, parsed.port))
    return asyncio.run(_with_emulator(parsed.command, checker))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m onto_fn.testing.strict_indexes",
        description="Refuse the Firestore queries that production would refuse for want of an "
        "index, and pass everything else on to an emulator.",
    )
    parser.add_argument("--emulator", metavar="HOST:PORT", help="an emulator that runs already")
    parser.add_argument(
        "--port", type=int, default=0, help="the port to listen on; by default a free one"
    )
    parser.add_argument(
        "--project-dir", type=Path, default=Path(), help="contains firebase.json; default: here"
    )
    parser.add_argument(
        "--indexes", type=Path, help="the index file; by default the one of firebase.json"
    )
    parser.add_argument(
        "--log", type=Path, help="the file to append refusals to; by default standard error"
    )
    parser.add_argument("command", nargs="*", help="starts an emulator with --port N")
    return parser


def _tell(log: Path | None, text: str) -> None:
    if log is None:
        print(text, file=sys.stderr, flush=True)
        return
    with log.open("a") as file:
        print(text, file=file)


async def _in_front(emulator: str, checker: Checker, port: int) -> int:
    front = Front(emulator, checker)
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    print(f"FIRESTORE_EMULATOR_HOST={HOST}:{await front.start(port)}", flush=True)
    await stopping.wait()
    await front.stop()
    return 0


async def _with_emulator(command: list[str], checker: Checker) -> int:
    inner_port = free_ports(1)[0]
    port, moved = _moved(command, inner_port)
    emulator = await asyncio.create_subprocess_exec(*moved)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, emulator.send_signal, number)
    ended = asyncio.ensure_future(emulator.wait())
    while is_free(inner_port) and not ended.done():
        await asyncio.sleep(_POLL_SECONDS)
    front = Front(f"{HOST}:{inner_port}", checker)
    if not ended.done():
        await front.start(port)
    status = await ended
    await front.stop()
    return status


def _moved(command: list[str], to: int) -> tuple[int, list[str]]:
    """The port of a command, and the command with another one."""
    words = list(command)
    for i, word in enumerate(words):
        found = _PORT.match(word)
        if found is None:
            continue
        if found[1] is not None:
            words[i] = f"--port={to}"
            return int(found[1]), words
        port, words[i + 1] = int(words[i + 1]), str(to)
        return port, words
    raise SystemExit(f"the command has no --port: {' '.join(command)}")


if __name__ == "__main__":
    sys.exit(main())
