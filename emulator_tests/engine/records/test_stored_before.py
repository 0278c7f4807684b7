"""What the version before has stored is read by this one: nothing is lost, or done twice.

The records were made by `emulator_tests.kit.recorded` under that version. They are stored again
here, with the update times that their sources get, as Firestore gives each document a new one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore_v1.types import Document as Stored

from emulator_tests.kit.fixtures import Connect
from emulator_tests.kit.recorded import engine
from onto_fn import RetryPolicy
from onto_fn.editing import Database, Write
from onto_fn.engine.materialise.difference import Difference
from onto_fn.engine.operate.backfill import Backfill, targets_of
from onto_fn.engine.operate.verify import Verification
from onto_fn.events import Change, Result
from onto_fn.firestore import Document, Query
from onto_fn.firestore.values import decode_fields
from onto_fn.messaging import Message
from onto_fn.messaging.courier import Courier

RECORDED = Path(__file__).with_name("stored_by_0.1.json")
RECORDS = ("onto_contributions/", "onto_ledger/")


@pytest.fixture
def before(connect: Connect) -> Database:
    """A database that holds what the version before has stored."""
    database = connect()
    top = f"projects/{database.project}/databases/(default)/documents/"
    text = RECORDED.read_text().replace("projects/demo-recorded/", f"projects/{database.project}/")
    documents = {one["name"].removeprefix(top): one for one in json.loads(text)}
    groups: dict[str, list[str]] = {}
    for path in documents:
        if not path.startswith(RECORDS):  # what one commit wrote is written in one commit again
            groups.setdefault(documents[path]["updateTime"], []).append(path)
    times: dict[str, str] = {}
    for old, paths in groups.items():
        now = database.commit([_write(path, documents[path], top) for path in paths])
        times[old] = now.isoformat(timespec="microseconds").replace("+00:00", "Z")
    for path in [path for path in documents if path.startswith(RECORDS)]:
        record = json.dumps(documents[path])
        for old, new in times.items():
            record = record.replace(old, new)
        database.commit([_write(path, json.loads(record), top)])
    return database


def _write(path: str, document: dict[str, Any], top: str) -> Write:
    message: Any = Stored.from_json(json.dumps(document))._pb
    return Write(path, decode_fields(message.fields, top.rstrip("/")))


def _change(database: Database, path: str) -> Change:
    after = database.get([path])[0][path]
    return Change(path, Document(path, None, None), after, f"event of {path}, again")


def _everything(database: Database) -> dict[str, Any]:
    names = ["onto_ledger", "onto_contributions", "onto_outbox", "onto_dead_letters", "teamPages"]
    return {
        document.path: (document.fields, document.update_time)
        for name in names
        for document in database.query(Query(name))[0]
    }


def test_a_repeated_event_is_covered_and_commits_nothing(before: Database) -> None:
    app, stored = engine(), _everything(before)

    for path in ("teams/red", "teams/blue", "votes/v1", "votes/v4", "users/u0"):
        for outcome in app.handle(before, _change(before, path)):
            if outcome.definition != "UserCard":  # which had not been built for these
                assert outcome.result is Result.COVERED, outcome

    now = _everything(before)
    assert {path: now[path] for path in stored} == stored


def test_the_numbers_go_on_from_what_was_counted(before: Database) -> None:
    app = engine()

    before.commit([Write("votes/v5", {"team": "red", "points": 5})])
    app.handle(before, _change(before, "votes/v5"))
    before.commit([Write("votes/v1", None)])
    app.handle(before, Change("votes/v1", None, before.get(["votes/v1"])[0]["votes/v1"], "gone"))
    outcome = app.rebuild(before, "TeamPage", "teams/red")

    page = before.get(["teamPages/red"])[0]["teamPages/red"]
    assert outcome.result is Result.COMMITTED
    assert page.fields is not None
    assert (page.fields["points"], page.fields["best"]) == (10, 5)


def test_a_dead_letter_is_replayed_and_goes_with_its_correction(before: Database) -> None:
    app = engine()
    again = app.replay(before, "TeamPage~teams%2Fbad")
    before.commit([Write("users/bad", {"name": "Good"})])

    outcomes = app.handle(before, _change(before, "users/bad"))

    assert again is not None
    assert again.result is Result.DEAD_LETTER
    assert {outcome.result for outcome in outcomes} == {Result.COMMITTED}
    assert before.query(Query("onto_dead_letters"))[0] == []
    assert before.get(["teamPages/bad"])[0]["teamPages/bad"].exists


def test_messages_that_wait_are_sent_as_they_were(before: Database) -> None:
    sent: list[Message] = []

    class Sink:
        name = "team-pages"

        def send(self, message: Message, project: str) -> None:
            sent.append(message)

    courier = Courier({"team-pages": Sink()}, retry=RetryPolicy(attempts=2))
    for entry in before.query(Query("onto_outbox"))[0]:
        courier.send(before, Change(entry.path, None, entry, "event"))

    assert before.query(Query("onto_outbox"))[0] == []
    assert {message.subject: message.data["points"] for message in sent} == {
        "teamPages/blue": 10,
        "teamPages/red": 6,
    }


def test_a_backfill_that_was_stopped_goes_on(before: Database) -> None:
    app = engine()

    report = Backfill(app, before, targets_of(app, ["UserCard"]), page=2, workers=1).run()

    assert report.resumed
    assert report.counts.done == 7
    assert len(before.query(Query("userCards"))[0]) == 6


def test_nothing_differs_from_the_sources_but_what_was_not_built_yet(before: Database) -> None:
    app = engine()

    built = [app.targets[name] for name in ("TeamPage", "TeamStore.votes")]
    found: list[Difference] = []
    verified = Verification(app, before, built, settle=0.0, report=found.append).run()

    assert [one for one in found if one.root != "teams/bad"] == []
    assert verified.roots == 7
