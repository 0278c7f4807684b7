"""Whether a process may be forked."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import socket
from threading import Event, Thread
from onto_fn.engine.operate.pool import can_fork
print(can_fork())
with socket.socket():
    print(can_fork())
print(can_fork())
done = Event()
thread = Thread(target=done.wait)
thread.start()
print(can_fork())
done.set()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how many threads there are")
def test_a_process_is_forked_only_without_threads_and_connections() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)

    assert ended.stdout.split() == ["True", "False", "True", "False"], ended.stderr
