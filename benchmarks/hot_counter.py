"""One hot counter: each event is a vote, and changes one document, the totals.

A vote is handled when the document that clients read has it. By hand that is the totals. onto_fn
adds to a shard first, and the event of that shard rebuilds the view: both events are handled, one
after the other, and are in its time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from threading import local
from typing import ClassVar

from contention import Materialised, Side
from peers import hot_document as hand
from typing_extensions import override

from onto_fn import DomainModel, Store, ViewModel, aggregate, root
from onto_fn.aggregates import count
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.firestore import Document, Write
from onto_fn.observability import Change

OPTIONS = ("green", "black", "white")


class Poll(DomainModel, collection="polls"):
    pass


class Vote(DomainModel, collection="polls/{poll}/votes"):
    option: str


class PollStore(Store):
    poll = root(Poll)
    votes = aggregate(Vote, counts=count(by="option")).within(poll=lambda s: s.poll.doc_id)


class PollResults(ViewModel[PollStore], path="totals/{poll}"):
    @property
    def counts(self) -> dict[str, int]:
        return self.store.votes["counts"]


class ShardedStore(Store):
    poll = root(Poll)
    votes = aggregate(Vote, shards=10, counts=count(by="option")).within(
        poll=lambda s: s.poll.doc_id
    )


class ShardedResults(ViewModel[ShardedStore], path="totals/{poll}"):
    @property
    def counts(self) -> dict[str, int]:
        return self.store.votes["counts"]


class Counting(Side):
    """Votes, and whether the totals are theirs."""

    def change(self, worker: int, number: int) -> Change:
        path = f"polls/p/votes/{worker}-{number}"
        fields = {"option": OPTIONS[worker % 3]}
        after = Document(path, fields, self.write(path, fields))
        return Change(path, Document(path, None, None), after, path.rpartition("/")[2])

    def is_right(self) -> bool:
        votes = list(self.reader.collection("polls/p/votes").stream())
        found = self.reader.document("totals/p").get().to_dict() or {}
        return found.get("counts", found) == Counter(vote.get("option") for vote in votes)


class OntoFn(Counting, Materialised):
    """Its aggregate as it is declared by default: one shard."""

    name = "onto_fn"
    view: ClassVar[type[ViewModel]] = PollResults

    def __init__(self) -> None:
        super().__init__()
        self.engine = Engine([self.view.definition()])
        self.database = _Noting(self.project, interceptors=[self.commits])
        created = Document("polls/p", {}, self.write("polls/p", {}))
        self.engine.handle(
            self.database, Change("polls/p", Document("polls/p", None, None), created)
        )

    def handle(self, change: Change) -> None:
        for outcome in self.engine.handle(self.database, change):
            for shard in outcome.written:
                before, after = (
                    Document(shard, {}, time) for time in (datetime.min, self.database.committed)
                )
                self.engine.handle(self.database, Change(shard, before, after, change.event_id))


class OntoFnSharded(OntoFn):
    """The same with ten shards: for ten votes a second, by Firestore's guidance."""

    name = "onto_fn, 10 shards"
    view = ShardedResults


class Transactional(Counting):
    name = "@transactional"

    def handle(self, change: Change) -> None:
        hand.count(self.client, self.client.document("totals/p"), option(change))


class TransactionalOnce(Counting):
    name = "@transactional, marker"

    def handle(self, change: Change) -> None:
        total = self.client.document("totals/p")
        hand.count_once(self.client, total, option(change), change.event_id)


def option(change: Change) -> str:
    """What an event's vote is for."""
    assert change.after is not None
    assert change.after.fields is not None
    return change.after.fields["option"]


class _Noting(Database):
    """Notes the time of each thread's last commit: the version that its event would carry."""

    _noted = local()

    @override
    def write(self, writes: Sequence[Write], transaction: bytes | None) -> datetime:
        self._noted.time = super().write(writes, transaction)
        return self._noted.time

    @property
    def committed(self) -> datetime:
        return self._noted.time
