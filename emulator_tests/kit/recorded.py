"""An app, and all that a version of onto_fn has stored for it, for a later version to read.

`python -m emulator_tests.kit.recorded FILE`, on an emulator, records what the present version
stores. `emulator_tests/engine/records/stored_by_0.1.json` was recorded by this program under the
version before the field `definition` of `onto_contributions` became `fingerprint`. The models and
views have to stay as they are: their code is in the fingerprints of what was recorded.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from threading import Event
from typing import Any

from google.cloud.firestore import Client
from google.cloud.firestore_v1.types import Document as Stored

from onto_fn import DomainModel, Ref, Store, ViewMediator, ViewModel, aggregate, many, root
from onto_fn.aggregates import count, maximum, total
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.operate.backfill import Backfill, targets_of
from onto_fn.events import Change
from onto_fn.messaging import TopicSink

PROJECT = "demo-recorded"


class User(DomainModel, collection="users"):
    name: str


class Team(DomainModel, collection="teams"):
    title: str
    members: list[Ref[User]] = []


class Vote(DomainModel, collection="votes"):
    team: str
    points: int


class TeamStore(Store):
    team = root(Team)
    members = many(User, "team.members")
    votes = aggregate(Vote, number=count(), points=total("points"), best=maximum("points")).where(
        "team", "==", lambda store: store.team.doc_id
    )


class TeamPage(ViewModel[TeamStore], path="teamPages/{team_id}"):
    @property
    def names(self) -> list[str]:
        return sorted(user.name for user in self.store.members)

    @property
    def points(self) -> int:
        return self.store.votes["points"]

    @property
    def best(self) -> int:
        return self.store.votes["best"] or 0

    def targets(self) -> list[dict[str, str]]:
        return [{"team_id": self.store.team.doc_id}]


class UserStore(Store):
    user = root(User)


class UserCard(ViewModel[UserStore], path="userCards/{user_id}"):
    @property
    def name(self) -> str:
        return self.store.user.name

    def targets(self) -> list[dict[str, str]]:
        return [{"user_id": self.store.user.doc_id}]


def engine() -> Engine:
    """The app's engine; messages wait."""
    pages = ViewMediator(TeamPage, sends=[TopicSink("team-pages")])
    return Engine([pages.definition(), UserCard.definition()])


def sources(client: Client) -> dict[str, dict[str, Any]]:
    """The documents of the app: `teams/bad` refers to a user whose document is not valid."""
    users = {f"users/u{n}": {"name": f"User {n}"} for n in range(6)}
    members = [client.document(path) for path in users]
    return {
        **users,
        "users/bad": {"name": 7},
        "teams/red": {"title": "Red", "members": members[:3]},
        "teams/blue": {"title": "Blue", "members": members[2:]},
        "teams/bad": {"title": "Bad", "members": [client.document("users/bad")]},
        **{f"votes/v{n}": {"team": "red", "points": n} for n in range(1, 4)},
        "votes/v4": {"team": "blue", "points": 10},
    }


def main(file: str) -> None:
    """Store all that the app stores, some of it half done, and write it to a file."""
    client, database = Client(project=PROJECT), Database(PROJECT)
    app = engine()
    contents = sources(client)
    for path, fields in contents.items():
        client.document(path).set(fields)
    found, _ = database.get(list(contents))
    for path in sorted(contents, reverse=True):  # the votes before the teams
        if not path.startswith("users/"):
            app.handle(database, Change(path, None, found[path], f"event of {path}"))
    stop = Event()
    Backfill(app, database, targets_of(app, ["UserCard"]), page=2, workers=1).run(
        lambda _: stop.set(), stop
    )
    stored: list[dict[str, Any]] = []
    for collection in client.collections():
        _read(client, collection, stored)
    text = json.dumps(stored, indent=1, sort_keys=True)
    Path(file).write_text(f"{text}\n")


def _read(client: Any, collection: Any, stored: list[dict[str, Any]]) -> None:
    parent = collection.parent
    top = f"projects/{PROJECT}/databases/(default)/documents"
    request = {
        "parent": f"{top}/{parent.path}" if parent is not None else top,
        "collection_id": collection.id,
        "show_missing": True,
    }
    api, metadata = client._firestore_api, client._rpc_metadata
    for document in api.list_documents(request=request, metadata=metadata):
        if document.update_time:
            stored.append(json.loads(Stored.to_json(document, indent=None)))
    for reference in collection.list_documents():
        for inner in reference.collections():
            _read(client, inner, stored)


if __name__ == "__main__":
    main(sys.argv[1])
