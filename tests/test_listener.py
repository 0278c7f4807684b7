"""What a listener makes of the snapshots that Google's client hands it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from onto_fn import Change
from onto_fn.firestore import PathTemplate
from onto_fn.serving.listener import _Watch  # pyright: ignore[reportPrivateUsage]

START = datetime(2026, 1, 1, tzinfo=UTC)


def snapshot(name: str, second: int) -> Any:
    """A document as the client has it."""
    return SimpleNamespace(
        reference=SimpleNamespace(path=f"people/{name}"),
        update_time=START + timedelta(seconds=second),
        to_dict=lambda: {"second": second},
    )


class Listener:
    """A watch of people, and the changes that it delivers."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.watch = _Watch(None, PathTemplate("people"), self.changes.append)

    def hear(self, kind: str, document: Any, *, is_first: bool = False) -> Change:
        change = SimpleNamespace(document=document, type=SimpleNamespace(name=kind))
        documents = [] if kind == "REMOVED" else [document]
        self.watch._on_snapshot(documents, [change], is_first=is_first)  # pyright: ignore[reportPrivateUsage]
        return self.changes.pop()


def test_a_version_is_told_with_the_one_before() -> None:
    listener = Listener()

    first = listener.hear("ADDED", snapshot("a", 1), is_first=True)
    second = listener.hear("MODIFIED", snapshot("a", 2))

    assert (first.before_time, first.after_time) == (None, START + timedelta(seconds=1))
    assert (second.before_time, second.after_time) == (first.after_time, second.after_time)
    assert first.is_known
    assert second.is_known


def test_a_deletion_does_not_tell_which_version_it_ended_as_the_last_may_have_been_skipped() -> (
    None
):
    listener = Listener()
    listener.hear("ADDED", snapshot("a", 1), is_first=True)

    change = listener.hear("REMOVED", snapshot("a", 1))

    assert change.before is None
    assert change.after is not None
    assert not change.after.exists
    assert not change.is_known


def test_what_vanished_while_no_listener_was_open_is_deleted() -> None:
    listener = Listener()
    listener.hear("ADDED", snapshot("a", 1), is_first=True)

    listener.watch._on_snapshot([], [], is_first=True)  # pyright: ignore[reportPrivateUsage]

    assert [(c.path, c.before, c.after and c.after.exists) for c in listener.changes] == [
        ("people/a", None, False)
    ]
