"""The trip of one event through the library, as a list that one can follow in the source.

`python benchmarks/trip.py` handles one change of a ticket of the meeting room on the emulator, in
the steady state, as the deployed function does, and prints each function of onto_fn that it enters:
how deep, in which file, and how often in a row. Below it are the sums: calls, files, and depth.

    calls   functions of onto_fn that are entered; comprehensions and generators that go on are part
            of the function that they are written in, in whatever version of Python
    files   files of onto_fn that these are in
    depth   frames of onto_fn on top of each other, and of others in between

`--cpu` measures instead the CPU time that the event takes in this process, without gRPC: on answers
that were recorded once, and without the time that these take. `--against FOLDER` measures another
checkout beside it, in turns, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

HERE = Path(__file__).resolve().parent
ROUNDS, EVENTS = 60, 50


@dataclass(frozen=True)
class Step:
    """A function that the event enters."""

    depth: int
    code: CodeType

    @property
    def place(self) -> str:
        """Where it is, such as `engine/engine.py:262`."""
        return f"{file_of(self.code)}:{self.code.co_firstlineno}"


@dataclass
class Trip:
    """The functions of onto_fn that a call enters, in their order."""

    steps: list[Step] = field(default_factory=list[Step])
    depth: int = 0

    @property
    def files(self) -> Counter[str]:
        """How many calls go into each file."""
        return Counter(file_of(step.code) for step in self.steps)

    def follow(self, call: Callable[[], object]) -> None:
        """Note what a call enters, in this thread."""
        # The frames are kept: one that ends would give its id to the next.
        begun: dict[int, FrameType] = {}
        base = _depth_of(sys._getframe()) + 1

        def entered(frame: FrameType, event: str, _: Any) -> None:
            code = frame.f_code
            if event != "call" or "/onto_fn/" not in code.co_filename or _is_inside(code):
                return
            if frame.f_lasti > 0 and id(frame) in begun:  # a generator goes on
                return
            begun[id(frame)] = frame
            depth = _depth_of(frame) - base
            self.depth = max(self.depth, depth)
            self.steps.append(Step(depth, code))

        sys.setprofile(entered)
        try:
            call()
        finally:
            sys.setprofile(None)

    def show(self) -> None:
        """Print the list, and the sums."""
        row: list[tuple[Step, int]] = []
        for step in self.steps:
            if row and row[-1][0] == step:
                row[-1] = (step, row[-1][1] + 1)
            else:
                row.append((step, 1))
        for step, times in row:
            often = f"  x{times}" if times > 1 else ""
            print(f"{step.depth:3}  {step.place:36} {step.code.co_qualname}{often}")
        print()
        for file, calls in self.files.most_common():
            print(f"{calls:5}  {file}")
        print(f"\n{len(self.steps)} calls, {len(self.files)} files, {self.depth} frames deep")


def file_of(code: CodeType) -> str:
    """The file of a function, from the package on."""
    return code.co_filename.rpartition("/onto_fn/")[2]


def _is_inside(code: CodeType) -> bool:
    return code.co_name in {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}


def _depth_of(frame: FrameType | None) -> int:
    depth = 0
    while frame is not None:
        depth += not _is_inside(frame.f_code)
        frame = frame.f_back
    return depth


def follow_one() -> Trip:
    """The trip of one event of the meeting room, from the function's entry on."""
    import event
    from cloudevents.http import CloudEvent
    from google.cloud.firestore_v1.types import Document as DocumentMessage
    from google.events.cloud.firestore import DocumentEventData

    from onto_fn import App, ViewMediator
    from onto_fn.firestore.values import encode_fields, fill_time

    room = event.Room()
    app = App([ViewMediator(event.MeetingSession), ViewMediator(event.UserView)])
    os.environ["GOOGLE_CLOUD_PROJECT"] = room.project
    name = f"projects/{room.project}/databases/(default)/documents"

    def delivered() -> CloudEvent:
        change = room.change()
        message: Any = DocumentEventData.pb()()
        for target, document in ((message.old_value, change.before), (message.value, change.after)):
            found: Any = DocumentMessage.pb()()
            found.name = f"{name}/{document.path}"
            for key, value in encode_fields(
                document.fields, documents=name, where=document.path
            ).items():
                found.fields[key].CopyFrom(value)
            fill_time(found.update_time, document.update_time, document.path)
            target.ParseFromString(found.SerializeToString())
        attributes = {
            "type": "google.cloud.firestore.document.v1.written",
            "source": name,
            "project": room.project,
            "database": "(default)",
            "document": change.path,
        }
        return CloudEvent(attributes, message.SerializeToString())

    for _ in range(3):
        app.handle(delivered())
    trip, one = Trip(), delivered()
    trip.follow(lambda: app.handle(one))
    return trip


class Own:
    """What an event takes in this process without gRPC: on recorded answers, without their time."""

    def __init__(self) -> None:
        import event
        from recorded import Recorded

        room = event.Room()
        for _ in range(5):
            room.engine.handle(room.database, room.change())
        change, engine = room.change(), room.engine
        self._wire = 0.0
        answered = Recorded._answered

        def timed(recorded: Recorded, *arguments: Any) -> Any:
            started = time.thread_time()
            found = answered(recorded, *arguments)
            self._wire += time.thread_time() - started
            return found

        recorded = Recorded(room.project, lambda database: engine.handle(database, change))
        Recorded._answered = timed
        self._handle = lambda: engine.handle(recorded.database, change)
        for _ in range(EVENTS):
            self._handle()

    def measure(self) -> float:
        """Seconds of an event, the mean of some."""
        self._wire, started = 0.0, time.thread_time()
        for _ in range(EVENTS):
            self._handle()
        return (time.thread_time() - started - self._wire) / EVENTS


def serve() -> None:
    """Measure each time that a line comes, and answer with the result."""
    import event  # noqa: F401 - it finds what the functions are made of

    own = Own()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(json.dumps(own.measure()), flush=True)


def compare(folders: list[Path]) -> None:
    """Measure checkouts in turns; print the medians, and those of the ratios of neighbours.

    A round is short, so that whoever else uses the machine slows down both sides alike.
    """
    from emulator import emulator

    with emulator():
        sides = [_served(folder) for folder in folders]
        found: list[list[float]] = [[] for _ in sides]
        for _ in range(ROUNDS):
            for side, seconds in zip(sides, found, strict=True):
                print("go", file=side.stdin, flush=True)
                seconds.append(json.loads(side.stdout.readline()))
        for side in sides:
            side.stdin.close()
            side.wait()
    for folder, seconds in zip(folders, found, strict=True):
        print(f"{1e6 * statistics.median(seconds):7.0f} us  {folder}")
    if len(found) > 1:
        low, middle, high = statistics.quantiles(
            [mine / theirs for mine, theirs in zip(*found, strict=True)]
        )
        print(f"ratio {middle:.3f} (quartiles {low:.3f} and {high:.3f})")


def _served(folder: Path) -> Any:
    environ = {**os.environ, "PYTHONPATH": f"{folder}:{folder / 'benchmarks'}"}
    command = [sys.executable, "-P", str(HERE / "trip.py"), "--serve"]  # its own modules first
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, env=environ, cwd=folder, **pipes)
    assert process.stdout is not None
    while process.stdout.readline().strip() != "ready":
        if process.poll() is not None:
            raise SystemExit(f"{folder}: it ended with {process.returncode}")
    return process


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cpu", action="store_true", help="measure the CPU time")
    parser.add_argument("--against", type=Path, help="another checkout, to be measured in turns")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
    elif options.cpu or options.against:
        compare([HERE.parent, *([options.against.resolve()] if options.against else [])])
    else:
        from emulator import emulator

        with emulator():
            follow_one().show()


if __name__ == "__main__":
    main()
