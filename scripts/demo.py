"""The meeting room, live: real functions on the real emulators, watched as a front end would.

Run it with `make demo`. It starts the emulators with `functions/` loaded, writes the sources,
prints each user's view document as it appears, changes one ticket, prints what changed and how
long that took, and stops everything.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from threading import Condition
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "functions"))

from meeting_room.sample import sources  # noqa: E402

from onto_fn.testing import EmulatorSuite  # noqa: E402

MEETING = "meeting_1"
USERS = ("tijuana", "thomasina", "joshua")
NAMES = (
    "The fields of a view are camelCase. Attendees are plain pydantic models, which keep their "
    "names: see docs/types.md."
)
DEADLINE = 30.0  # seconds that a view may take before the demonstration gives up


class Watched:
    """View documents, kept current by snapshot listeners as in a front end."""

    def __init__(self, client: Any, paths: list[str]) -> None:
        self.documents: dict[str, dict[str, Any] | None] = dict.fromkeys(paths)
        self._changed = Condition()
        self._listeners = [client.document(path).on_snapshot(self._on_snapshot) for path in paths]

    def _on_snapshot(self, snapshots: list[Any], _changes: Any, _read_time: Any) -> None:
        with self._changed:
            for snapshot in snapshots:
                self.documents[snapshot.reference.path] = snapshot.to_dict()
            self._changed.notify_all()

    def wait_until(self, holds: Any) -> dict[str, dict[str, Any] | None]:
        """Wait until `holds(document)` for each document."""
        with self._changed:
            if not self._changed.wait_for(
                lambda: all(d is not None and holds(d) for d in self.documents.values()), DEADLINE
            ):
                sys.exit(f"the views did not follow within {DEADLINE:.0f} s: {self.documents}")
            return dict(self.documents)

    def close(self) -> None:
        """Stop listening."""
        for listener in self._listeners:
            listener.unsubscribe()


def show(path: str, document: Any) -> None:
    """Print a document."""
    print(f"{path}\n{json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True)}\n")


def changes(before: Any, after: Any) -> list[str]:
    """The fields that differ, as lines."""
    return [
        f"  {name}: {json.dumps(before.get(name))}\n      -> {json.dumps(after.get(name))}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def main() -> None:
    """Run the demonstration."""
    print("Starting the Firestore and Functions emulators …", flush=True)
    with EmulatorSuite(ROOT, only=("firestore", "functions")) as suite:
        client = suite.client()
        watched = Watched(client, [f"users/{user}/MeetingSession/{MEETING}" for user in USERS])
        print("Writing the sources: 3 users, 3 tickets, 1 location, 1 meeting\n", flush=True)
        for path, fields in sources(client).items():
            client.document(path).set(fields)
        views = watched.wait_until(lambda view: len(view["attending"]) == len(USERS))
        for path, view in views.items():
            show(path, view)
        print(NAMES, end="\n\n")

        print("Tijuana does not attend: tickets/tj_t.attendance = false", flush=True)
        begin = time.perf_counter()
        client.document("tickets/tj_t").update({"attendance": False})
        after = watched.wait_until(lambda view: len(view["attending"]) == len(USERS) - 1)
        elapsed = time.perf_counter() - begin
        for path, view in after.items():
            print(path, *changes(views[path], view), sep="\n")
        print(f"\nwrite -> all {len(USERS)} views: {elapsed * 1000:.0f} ms", flush=True)
        watched.close()
        client.close()
    print("Emulators stopped.")


if __name__ == "__main__":
    main()
