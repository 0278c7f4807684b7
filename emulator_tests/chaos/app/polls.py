"""Polls: one view that every vote changes."""

from collections import Counter

from onto_fn import DomainModel, Store, ViewModel, query, root


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
