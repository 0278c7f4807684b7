"""Run many commands in a moment: one Python that has loaded the library, a child for each command.

Run as a program, without threads, so that its children are as fresh as any process that has just
imported the library. It reads one JSON case a line, `{arguments, cwd, environ, terminal}`, and
answers each with `{code, out, err}`. With a terminal, the child has a pseudo-terminal for all three
streams, and everything is in `out`.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pty
import select
import sys
import tempfile
from pathlib import Path

SECONDS = 60.0
LOADED = (
    "onto_fn.cli.main",
    "onto_fn.exports",
    "onto_fn.functions.listener",
    "rich.progress",
    "rich.table",
    "google.auth",
)


def main() -> None:
    for module in LOADED:
        importlib.import_module(module)

    for line in sys.stdin:
        case = json.loads(line)
        ended = in_terminal(case) if case["terminal"] else without_terminal(case)
        print(json.dumps(ended), flush=True)


def child(case: dict) -> None:
    """Be the program `onto`; never returns."""
    from onto_fn.cli.main import run

    os.chdir(case["cwd"])
    os.environ.clear()
    os.environ.update(case["environ"])
    sys.argv = ["onto", *case["arguments"]]
    code = 70
    try:
        run()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def in_terminal(case: dict) -> dict:
    pid, terminal = pty.fork()
    if pid == 0:
        child(case)
    shown = b""
    while select.select([terminal], [], [], SECONDS)[0]:
        try:
            read = os.read(terminal, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not read:
            break
        shown += read
    else:
        os.kill(pid, 9)
        shown += b"\n(killed: it did not end)"
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return {"code": code, "out": shown.decode().replace("\r\n", "\n"), "err": ""}


def without_terminal(case: dict) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        names = [Path(folder, "out"), Path(folder, "err")]
        files = [os.open(name, os.O_RDWR | os.O_CREAT) for name in names]
        pid = os.fork()
        if pid == 0:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(files[0], 1)
            os.dup2(files[1], 2)
            child(case)
        _, status = os.waitpid(pid, 0)
        for file in files:
            os.close(file)
        out, err = (name.read_text() for name in names)
    return {"code": os.waitstatus_to_exitcode(status), "out": out, "err": err}


if __name__ == "__main__":
    main()
