"""One hot view: a group of members, each of whom is changed by many at once."""

from __future__ import annotations

from contention import Materialised, Side
from google.cloud.firestore import DocumentReference
from peers import hot_document as hand

from onto_fn import DomainModel, Ref, Store, ViewModel, many, root
from onto_fn.engine import Engine
from onto_fn.firestore import Document, Write
from onto_fn.observability import Change

MEMBERS = 8


class Member(DomainModel, collection="members"):
    changes: int = 0


class Group(DomainModel, collection="groups"):
    members: list[Ref[Member]]


class GroupStore(Store):
    group = root(Group)
    members = many(Member, lambda store: store.group.members)


class GroupView(ViewModel[GroupStore], path="groupViews/{group_id}"):
    @property
    def changes(self) -> int:
        return sum(member.changes for member in self.store.members)


class Grouping(Side):
    """A group, and whether its view is of its members as they are."""

    def __init__(self) -> None:
        super().__init__()
        members = [Member(doc_id=f"m{i}") for i in range(MEMBERS)]
        group = Group(doc_id="g", members=[member.doc_ref for member in members])
        contents = {d.doc_ref.path: d.doc_fields() for d in [*members, group]}
        written = self.writer.commit([Write(p, f) for p, f in contents.items()])
        self.first = {p: Document(p, f, written) for p, f in contents.items()}

    def change(self, worker: int, number: int) -> Change:
        path = f"members/m{worker % MEMBERS}"
        fields = {"changes": worker * 1000 + number, "obj_type": "Member"}
        after = Document(path, fields, self.write(path, fields))
        return Change(path, self.first[path], after, f"{worker}-{number}")

    def is_right(self) -> bool:
        found = self.reader.document("groupViews/g").get().to_dict() or {}
        members = self.reader.collection("members").stream()
        return found.get("changes") == sum(member.get("changes") for member in members)

    @property
    def group(self) -> DocumentReference:
        return self.client.document("groups/g")

    @property
    def view(self) -> DocumentReference:
        return self.client.document("groupViews/g")


class OntoFn(Grouping, Materialised):
    name = "onto_fn"

    def __init__(self) -> None:
        super().__init__()
        self.engine = Engine([GroupView.definition()])
        self.engine.rebuild(self.database, "GroupView", "groups/g")


class Join(Grouping):
    name = "@transactional"

    def handle(self, change: Change) -> None:
        hand.join(self.client, self.group, self.view)


class JoinOnce(Grouping):
    name = "@transactional, marker"

    def handle(self, change: Change) -> None:
        hand.join_once(self.client, self.group, self.view, change.event_id)


class JoinRecorded(Grouping):
    name = "@transactional, record"

    def handle(self, change: Change) -> None:
        hand.join_recorded(self.client, self.group, self.view, change.event_id)
