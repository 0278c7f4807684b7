"""Scenario "Feed": through running functions, with the batches going through real Pub/Sub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore import FieldFilter

from onto_fn.testing import EmulatorSuite
from onto_fn.testing.eventually import Eventually

ProjectFolder = Callable[[Path, str], Path]

APP = Path(__file__).parents[1] / "apps" / "feed.py"
BACKFILL = ["backfill", "--all", "--distributed", "--yes", "--json", "--app", "main.py"]
DEADLINE = 180.0  # a busy machine is several times as slow, and batches wait for one another


class Feed:
    """One post's documents in the feeds, as a client reads them."""

    def __init__(self, suite: EmulatorSuite, eventually: Eventually) -> None:
        self.client = suite.client()
        self._suite = suite
        self._eventually = eventually

    def write(self, path: str, fields: dict[str, Any]) -> None:
        self.client.document(path).set(fields)

    def contents(self, post: str) -> dict[str, dict[str, Any]]:
        """The content in each follower's feed."""
        documents = self.client.collection_group("feed").stream()
        return {
            document.reference.parent.parent.id: document.to_dict() or {}
            for document in documents
            if document.id == post
        }

    def becomes(self, post: str, expected: dict[str, dict[str, Any]]) -> None:
        try:
            self._eventually(lambda: self.contents(post) == expected, deadline=DEADLINE)
        except AssertionError as error:
            there = self.contents(post)
            wrong = {who for who in {*there, *expected} if there.get(who) != expected.get(who)}
            error.add_note(f"wrong in the feeds of {sorted(wrong)[:5]}, {len(wrong)} in all")
            for record in self._records(post):
                error.add_note(f"{record}")
            error.add_note(self._suite.log_tail(200))
            raise

    def _records(self, post: str) -> list[dict[str, Any]]:
        """What onto_fn has recorded of a post: how its last build ended."""
        of_post = FieldFilter("root", "==", f"insta_posts/{post}")
        found = [
            document.to_dict() or {}
            for collection in ("onto_ledger", "onto_dead_letters")
            for document in self.client.collection(collection).where(filter=of_post).stream()
        ]
        shown = ("definition", "built", "failure", "error", "readTime", "eventId")
        return [{name: record[name] for name in shown if name in record} for record in found]


@pytest.fixture(scope="module")
def suite(
    tmp_path_factory: pytest.TempPathFactory, project_folder: ProjectFolder
) -> Generator[EmulatorSuite]:
    folder = project_folder(tmp_path_factory.mktemp("feed"), APP.read_text())
    with EmulatorSuite(folder, only=("firestore", "functions", "pubsub")) as running:
        yield running


@pytest.fixture
def feed(suite: EmulatorSuite, eventually: Eventually) -> Generator[Feed]:
    feed = Feed(suite, eventually)
    yield feed
    feed.client.close()


def entry(follower: str, post: str, **fields: Any) -> dict[str, Any]:
    return {
        "obj_type": "PostDAV",
        "doc_ref": f"users/{follower}/feed/{post}",
        "post": {
            "ownerId": fields.pop("owner", "tijuana"),
            "doc_ref": f"insta_posts/{post}",
            "obj_type": "Post",
            "doc_id": post,
            **fields,
        },
    }


def entries(names: Iterable[str], post: str, **fields: Any) -> dict[str, dict[str, Any]]:
    return {name: entry(name, post, **fields) for name in names}


def test_a_post_appears_with_those_who_follow_and_with_nobody_else(feed: Feed) -> None:
    feed.write("users/tijuana", {"followers": {"thomasina": True, "joshua": False}})

    feed.write("insta_posts/tj_t", {"ownerId": "tijuana", "hello": "world"})

    feed.becomes("tj_t", {"thomasina": entry("thomasina", "tj_t", hello="world")})


@pytest.mark.parametrize("number", [10, 300])
def test_every_feed_follows_edits_follows_unfollows_and_deletions(
    number: int, feed: Feed, eventually: Eventually
) -> None:
    post, owner = f"post{number}", f"author{number}"
    names = [f"f{n:04}" for n in range(number)]

    def show(who: Iterable[str], text: str) -> dict[str, dict[str, Any]]:
        return entries(who, post, owner=owner, text=text)

    feed.write(f"users/{owner}", {"followers": dict.fromkeys(names, True)})
    feed.write(f"insta_posts/{post}", {"ownerId": owner, "text": "one"})
    feed.becomes(post, show(names, text="one"))

    feed.write(f"insta_posts/{post}", {"ownerId": owner, "text": "two"})
    feed.becomes(post, show(names, text="two"))

    others = [*names[number // 5 :], *(f"new{n:04}" for n in range(number // 5))]
    feed.write(f"users/{owner}", {"followers": dict.fromkeys(others, True)})
    feed.write(f"insta_posts/{post}", {"ownerId": owner, "text": "three"})
    feed.becomes(post, show(others, text="three"))

    feed.client.document(f"insta_posts/{post}").delete()
    feed.becomes(post, {})
    of_post = FieldFilter("root", "==", f"insta_posts/{post}")
    ledger = feed.client.collection("onto_ledger").where(filter=of_post)
    eventually(lambda: list(ledger.stream()) == [], deadline=DEADLINE)


def test_a_distributed_backfill_is_built_by_the_functions(
    feed: Feed, suite: EmulatorSuite, tmp_path: Path
) -> None:
    names = [f"f{n}" for n in range(5)]
    feed.write("users/before", {"followers": dict.fromkeys(names, True)})
    for post in ("old1", "old2"):
        feed.write(f"insta_posts/{post}", {"ownerId": "before", "text": post})
    for post in ("old1", "old2"):
        feed.becomes(post, entries(names, post, owner="before", text=post))
    # As if both had been there before the view.
    for collection in ("onto_ledger", "onto_backfills"):
        for document in feed.client.collection(collection).stream():
            document.reference.delete()
    for document in feed.client.collection_group("feed").stream():
        document.reference.delete()
    (tmp_path / "main.py").write_text(APP.read_text())
    environ = {
        **os.environ,
        "FIRESTORE_EMULATOR_HOST": suite.firestore_host,
        "PUBSUB_EMULATOR_HOST": suite.pubsub_host,
    }

    done = subprocess.run(
        [Path(sys.executable).parent / "onto", *BACKFILL, "--project", suite.project_id],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["published"] > 0
    for post in ("old1", "old2"):
        feed.becomes(post, entries(names, post, owner="before", text=post))


def test_large_changes_went_through_pub_sub(feed: Feed, suite: EmulatorSuite) -> None:
    """After the tests above: else they would not be about fan-out."""
    assert 'Finished "us-central1-onto_fan_out"' in suite.log_path.read_text()
