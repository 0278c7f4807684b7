"""Polls: each vote is counted once, whatever is delivered twice, late or out of order."""

from onto_fn import App, DomainModel, Store, ViewModel, aggregate, root
from onto_fn.aggregates import count


class Poll(DomainModel, collection="polls"):
    """A question."""


class Vote(DomainModel, collection="polls/{poll}/votes"):
    """What one voter chose; its id is the voter's."""

    option: str


class PollStore(Store):
    poll = root(Poll)
    votes = aggregate(Vote, shards=10, total=count(), counts=count(by="option")).within(
        poll=lambda store: store.poll.doc_id
    )


class PollResults(ViewModel[PollStore], path="pollResults/{poll}"):
    @property
    def counts(self) -> dict[str, int]:
        return self.store.votes["counts"]

    @property
    def total(self) -> int:
        return self.store.votes["total"]


app = App([PollResults])
app.export(globals())
