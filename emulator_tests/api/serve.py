"""The app of apps/documented.py as a process: its documents, its listener and its API.

    python -m emulator_tests.api.serve PORT

The environment says where the emulators are.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import uvicorn
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector

from emulator_tests.apps.documented import Animal, Author, Bird, Dimensions, Item, app
from onto_fn.editing import Repository
from onto_fn.functions.listener import Listener

OWNER = "ada"
"""The user who may do everything with the items."""
ITEMS = ("i1", "i2", "i3")


def _items() -> list[Item]:
    plain = {"title": "plain", "member_ids": [OWNER]}
    return [
        Item(doc_id="i1", title="first", member_ids=[OWNER, "bob"], rank=1),
        Item(
            doc_id="i2",
            title="all fields",
            member_ids=[OWNER],
            rank=2,
            at=datetime(2026, 1, 2, tzinfo=UTC),
            author=Author.ref("tove"),
            place=GeoPoint(48.25, 16.5),
            meaning=Vector([1.0, 2.5]),
            tags={"red", "green"},
            animal=Animal(name="Tom", parent=Bird(name="Kea", wingspan=0.5)),
            animals=[Bird(name="Kea", wingspan=float("inf"))],
            dimensions=Dimensions(height=None),
            extra={"any": [1, "thing", None]},
        ),
        Item(doc_id="i3", ratio=float("nan"), **plain),
    ]


def main(port: int) -> None:
    """Serve until the process is ended."""
    repository = Repository(app.database())
    for document in [Author(doc_id="tove", name="Tove"), *_items()]:
        repository.save(document)
    with Listener(app, workers=2):
        uvicorn.run(app.asgi(), host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]))
