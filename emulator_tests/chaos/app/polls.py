"""Polls: one view that reads every vote, and one that reads what an aggregate has counted."""

from collections import Counter

from onto_fn import DomainModel, Store, ViewModel, aggregate, query, root
from onto_fn.aggregates import count


class Poll(DomainModel, collection="polls"):
    """A question."""

    title: str


class Vote(DomainModel, collection="polls/{poll}/votes"):
    """What one voter chose."""

    option: str


class PollStore(Store):
    poll = root(Poll)
    votes = query(Vote).within(poll=lambda store: store.poll.doc_id)


class PollResults(ViewModel[PollStore], path="pollResults/{poll}"):
    """Votes by option."""

    @property
    def counts(self) -> dict[str, int]:
        return dict(Counter(vote.option for vote in self.store.votes))

    @property
    def total(self) -> int:
        return len(self.store.votes)


class TallyStore(Store):
    poll = root(Poll)
    votes = aggregate(
        Vote, shards=3, name="Tally", total=count(), counts=count(by="option")
    ).within(poll=lambda store: store.poll.doc_id)


class PollTally(ViewModel[TallyStore], path="pollTallies/{poll}"):
    """Votes by option, each counted once; a refused vote is not counted."""

    @property
    def counts(self) -> dict[str, int]:
        return self.store.votes["counts"]

    @property
    def total(self) -> int:
        return self.store.votes["total"]
