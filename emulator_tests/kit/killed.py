"""A process that delivers a request, stops at a point of its work until told, and is killed there.

    python -m emulator_tests.kit.killed PROJECT POINT PATH

It prints `here` at the point, reads a line, and ends by SIGKILL: nothing is rolled back or closed.
"""

import os
import signal
import sys

from emulator_tests.kit.bank import engine
from emulator_tests.kit.interleaving import Interleaved, Point
from onto_fn.firestore import Document
from onto_fn.observability import Change


def main(project: str, point: str, path: str) -> None:
    def die() -> None:
        print("here", flush=True)
        sys.stdin.readline()
        os.kill(os.getpid(), signal.SIGKILL)

    database = Interleaved(project)
    database.once(Point[point], die)
    documents, _ = database.get([path])
    engine().handle(database, Change(path, Document(path, None, None), documents[path], "event"))


if __name__ == "__main__":
    main(*sys.argv[1:])
