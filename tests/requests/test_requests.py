"""Forms and patches: what they must declare, and that no value of a client builds a path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from onto_fn import (
    App,
    DeclarationError,
    DomainModel,
    Form,
    FormMediator,
    Patch,
    PatchMediator,
    Refused,
    Request,
    Store,
    ViewMediator,
    ViewModel,
    root,
)
from onto_fn.access import owner, role, signed_in
from onto_fn.errors import BuildError, InvalidRequest, NotWritable
from onto_fn.firestore import Document, Query, Write
from onto_fn.firestore.paths import check_segment
from onto_fn.requests.decide import decide_form, decide_patch

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Note(DomainModel, collection="notes"):
    author: str
    text: str = ""


class Draft(DomainModel, collection="users/{user_id}/pages"):
    """In the collection of a view."""


class NoteStore(Store):
    note = root(Note)


class NotePage(ViewModel[NoteStore], path="users/{user_id}/pages/{note_id}"):
    @property
    def text(self) -> str:
        return self.store.note.text

    @text.setter
    def text(self, value: str) -> None:
        if value == "forbidden":
            raise Refused("that is forbidden")
        self.store.note.text = value

    @property
    def author(self) -> str:
        return self.store.note.author

    def targets(self) -> Iterable[Mapping[str, str]]:
        return [{"user_id": self.store.note.author, "note_id": self.store.note.doc_id}]


class NotePatch(
    Patch[NotePage], path="users/{user_id}/patches/{id}", target="note", create=owner("user_id")
):
    text: Annotated[str, Field(max_length=20)]


class NoteForm(Form, path="users/{user_id}/noteForms/{id}", create=owner("user_id")):
    doc: str
    text: str = ""

    def submit(self, request: Request) -> list[Note]:
        return [Note(doc_id=self.doc, author=request.uid or "", text=self.text)]


class ReplyForm(
    Form[NoteStore], path="users/{user_id}/replyForms/{id}", create=owner("user_id"), root="note"
):
    note: str

    def submit(self, request: Request) -> list[Note]:
        return [Note(doc_id=request.params["id"], author="x", text=self.store.note.text)]


class Documents:
    """A snapshot of a few documents, which notes what is read from it."""

    def __init__(self, contents: Mapping[str, Any]) -> None:
        self.contents = contents
        self.read: list[str] = []

    def get(self, paths: Sequence[str]) -> dict[str, Document]:
        self.read += paths
        return {path: self._document(path) for path in paths}

    def query(self, query: Query) -> list[Document]:
        raise AssertionError(f"nothing here reads {query}")

    def _document(self, path: str) -> Document:
        fields = self.contents.get(path)
        return Document(path, fields, None if fields is None else NOW)


def document(path: str, fields: Mapping[str, Any]) -> Document:
    return Document(path, fields, NOW)


def is_id(value: str) -> bool:
    try:
        check_segment(value, what="id")
    except Exception:
        return False
    return True


# Texts that clients try: ids of all kinds, and what is none.
attempts = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["", ".", "..", "a/b", "../notes/n", "__x__", "\ud800", "é" * 750, "é" * 751]),
    st.text(alphabet="./_ab\u0000%", max_size=8),
)


@given(attempts)
def test_a_patch_reads_nothing_but_a_root_that_its_target_names(target: str) -> None:
    snapshot = Documents({})

    with pytest.raises(Refused) as refused:
        decide_patch(
            NotePatch, document("users/ann/patches/p", {"note": target, "text": "x"}), snapshot
        )

    assert snapshot.read == ([f"notes/{target}"] if is_id(target) else [])
    assert isinstance(refused.value, InvalidRequest) is not is_id(target)


@given(attempts)
def test_a_form_writes_nothing_but_its_collection(identifier: str) -> None:
    snapshot = Documents({})
    form = document("users/ann/noteForms/f", {"doc": identifier})

    if not is_id(identifier):
        with pytest.raises(Refused):
            decide_form(NoteForm, form, snapshot)
        return
    decision = decide_form(NoteForm, form, snapshot)

    assert [write.path for write in decision.writes] == [f"notes/{identifier}"]
    assert snapshot.read == [f"notes/{identifier}"]


@given(attempts)
def test_a_form_reads_nothing_but_the_root_that_its_field_names(identifier: str) -> None:
    snapshot = Documents({})

    with pytest.raises(Refused):
        decide_form(ReplyForm, document("users/ann/replyForms/f", {"note": identifier}), snapshot)

    assert snapshot.read == ([f"notes/{identifier}"] if is_id(identifier) else [])


@given(st.dictionaries(st.text(max_size=8), st.one_of(attempts, st.integers(), st.none())))
def test_a_patch_of_any_fields_is_decided_or_refused(fields: dict[str, Any]) -> None:
    snapshot = Documents({"notes/n": {"author": "ann", "text": "old", "kept": 1}})
    asked = {"note": "n", "text": "new"} | fields

    try:
        decision = decide_patch(NotePatch, document("users/ann/patches/p", asked), snapshot)
    except Refused:
        return

    assert asked["note"] == "n"
    expected = {"author": "ann", "text": asked["text"], "kept": 1}
    changed = (Write("notes/n", expected, NOW),) if asked["text"] != "old" else ()
    assert decision.writes == changed


def test_a_patch_of_what_is_not_the_users_is_refused_as_if_it_did_not_exist() -> None:
    fields = {"note": "n", "text": "new"}
    reasons = set[str]()
    for contents in ({"notes/n": {"author": "bob"}}, {}):
        with pytest.raises(Refused) as refused:
            decide_patch(NotePatch, document("users/ann/patches/p", fields), Documents(contents))
        reasons.add(str(refused.value))

    assert reasons == {"users/ann/pages/n does not exist"}


def test_a_patch_that_changes_nothing_writes_nothing() -> None:
    snapshot = Documents({"notes/n": {"author": "ann", "text": "same"}})

    fields = {"note": "n", "text": "same"}
    decision = decide_patch(NotePatch, document("users/ann/patches/p", fields), snapshot)

    assert decision.writes == ()
    assert decision.read_set.versions == {"notes/n": NOW}


def test_a_form_writes_only_what_does_not_exist() -> None:
    snapshot = Documents({"notes/n": {"author": "bob"}})

    with pytest.raises(Refused, match=r"^notes/n already exists$"):
        decide_form(NoteForm, document("users/ann/noteForms/f", {"doc": "n"}), snapshot)
    [write] = decide_form(
        NoteForm, document("users/ann/noteForms/f", {"doc": "m"}), snapshot
    ).writes
    assert write.precondition == "absent"


def test_a_form_overwrites_only_if_it_says_so() -> None:
    class Replacing(NoteForm, path="users/{user_id}/replacing/{id}", overwrite=True):
        pass

    snapshot = Documents({"notes/n": {"author": "bob"}})

    [write] = decide_form(
        Replacing, document("users/ann/replacing/f", {"doc": "n", "text": "t"}), snapshot
    ).writes

    assert write.precondition is None
    assert write.fields is not None
    assert write.fields["text"] == "t"


def test_a_form_may_not_make_what_its_type_does_not_name() -> None:
    class Other(DomainModel, collection="others"):
        pass

    class Wrong(NoteForm, path="users/{user_id}/wrong/{id}"):
        def submit(self, request: Request) -> list[Note]:
            return [Other()]  # type: ignore[list-item]  # pyright: ignore[reportReturnType]

    with pytest.raises(BuildError, match="returned a Other"):
        decide_form(Wrong, document("users/ann/wrong/f", {"doc": "n"}), Documents({}))


def test_a_form_may_not_make_a_request_or_what_is_onto_fns() -> None:
    class Loop(DomainModel, collection="users/{user_id}/loops"):
        pass

    class LoopForm(Form, path="users/{user_id}/loops/{id}", create=signed_in()):
        def submit(self, request: Request) -> Iterable[DomainModel]:
            return [Loop.at("users/ann/loops/next")]

    with pytest.raises(BuildError, match="may not write users/ann/loops/next"):
        decide_form(LoopForm, document("users/ann/loops/f", {}), Documents({}))


def test_a_form_that_makes_a_view_is_refused_at_import() -> None:
    class DraftForm(Form, path="users/{user_id}/draftForms/{id}", create=signed_in()):
        def submit(self, request: Request) -> list[Draft]:
            return []

    with pytest.raises(DeclarationError, match="NotePage and DraftForm can both write"):
        App([ViewMediator(NotePage), FormMediator(DraftForm)])


# A view that is set


def page(**fields: Any) -> NotePage:
    store = NoteStore()
    store.put("note", Note(doc_id="n", author="ann", **fields))
    return NotePage(store)


def test_a_field_that_was_set_reads_as_it_was_set() -> None:
    view = page(text="old")

    view.text = "new"

    assert view.text == "new"
    assert view.store.note.text == "new"


def test_a_setter_that_refuses_says_why() -> None:
    with pytest.raises(Refused, match="that is forbidden"):
        page().text = "forbidden"


def test_a_field_without_a_setter_cannot_be_set() -> None:
    view: Any = page()

    with pytest.raises(NotWritable, match=r"NotePage\.author has no setter"):
        view.author = "bob"
    with pytest.raises(NotWritable, match="NotePage has no field 'txet'; it has text, author"):
        view.txet = "typo"


def test_a_view_that_was_not_loaded_for_writing_cannot_be_saved() -> None:
    with pytest.raises(NotWritable, match="use `edit` or `load_view`"):
        page().save()


# Declarations


def declare_patch(
    path: str = "users/{user_id}/p/{id}",
    view: type[ViewModel[Any]] = NotePage,
    fields: Mapping[str, Any] | None = None,
    **keywords: Any,
) -> type[Patch[Any]]:
    annotations = {"text": str} if fields is None else dict(fields)
    namespace = {"__annotations__": annotations, "__module__": __name__}
    base: Any = Patch[view]
    return type(base)("Declared", (base,), namespace, path=path, **keywords)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": "users/{user_id}/p"}, "must end in a variable"),
        ({"path": "users/{user_id}/p/one"}, "must end in a variable"),
        ({}, r"has the variables \['note_id'\] besides"),
        ({"target": {"note": "note"}}, r"has the variables \['note_id'\] besides"),
        ({"target": "note", "fields": {"author": str}}, "author has no setter"),
        ({"target": "note", "fields": {"title": str}}, "has no such field; it has text, author"),
        ({"target": "note", "fields": {}}, "declares no field"),
        ({"target": "text"}, "stored under the same name as the target"),
        ({"target": "note", "create": owner("id")}, "'id' is not a variable of the view's path"),
        ({"target": "note", "create": owner("uid")}, "names no variable of the path"),
        ({"target": "note", "root": "nobody"}, "which variable"),
        (
            {
                "path": "people/{uid}/p/{id}",
                "target": {"user_id": "user", "note_id": "note"},
                "create": owner("uid"),
                "root": "note_id",
            },
            "'uid' is not a variable of the view's path",
        ),
    ],
)
def test_a_patch_that_is_declared_wrongly_is_refused_at_import(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(DeclarationError, match=message):
        declare_patch(**arguments)


def test_a_patch_of_several_targets_names_them_all() -> None:
    patch = declare_patch(
        "patches/{id}",
        target={"user_id": "user", "note_id": "note"},
        root="note_id",
        create=role("admin"),
    )

    assert set(patch.stored_names()) == {"user", "note", "text"}


@pytest.mark.parametrize(
    ("keywords", "fields", "message"),
    [
        (
            {"path": "forms/{id}"},
            {"kind": Annotated[str, Field(alias="obj_type")]},
            "which a client must not choose",
        ),
        ({"path": "forms"}, {}, "must end in a variable"),
        ({"path": "forms/{id}", "root": "id"}, {}, "reads no store"),
        ({"path": "forms/{id}", "create": owner("who")}, {}, "names no variable of the path"),
    ],
)
def test_a_form_that_is_declared_wrongly_is_refused_at_import(
    keywords: dict[str, Any], fields: dict[str, Any], message: str
) -> None:
    def submit(self: Form, request: Request) -> list[Note]:
        return []

    namespace = {"__annotations__": fields, "__module__": __name__, "submit": submit}
    with pytest.raises(DeclarationError, match=message):
        type(Form)("Declared", (Form,), namespace, **keywords)


def test_a_form_needs_a_plain_submit() -> None:
    with pytest.raises(DeclarationError, match="needs a plain method"):

        class Silent(Form, path="forms/{id}"):  # pyright: ignore[reportUnusedClass]
            pass


def test_a_form_that_reads_a_store_says_where_its_root_is() -> None:
    with pytest.raises(DeclarationError, match="declare which of user_id, id, text is the id"):

        class Lost(Form[NoteStore], path="users/{user_id}/lost/{id}"):  # pyright: ignore[reportUnusedClass]
            text: str

            def submit(self, request: Request) -> list[Note]:
                return []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mark": "text"}, "'text', which is also its mark"),
        ({"mark": None, "callable": True}, "is callable"),
        ({"app_check": True}, "App Check for Firestore"),
    ],
)
def test_a_mediator_that_does_not_fit_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        FormMediator(NoteForm, **options)
    with pytest.raises(DeclarationError, match=message):
        PatchMediator(NotePatch, **options)


def test_an_app_has_one_function_a_collection_of_requests_and_one_for_calls() -> None:
    quiet = App([FormMediator(NoteForm), PatchMediator(NotePatch)])
    called = App([FormMediator(NoteForm, callable=True), PatchMediator(NotePatch)])

    events = {"on_users_noteForms_written", "on_users_patches_written"}
    assert set(quiet.functions()) == events
    assert set(called.functions()) == {*events, "onto_request"}
    endpoint = called.functions()["onto_request"].__dict__["__firebase_endpoint__"]
    assert (endpoint.callableTrigger, endpoint.eventTrigger) == ({}, None)


def test_only_the_owner_that_the_path_names_is_known_to_be_the_user() -> None:
    class Either(
        NoteForm, path="users/{user_id}/either/{id}", create=owner("user_id") | role("admin")
    ):
        pass

    assert NoteForm.request("users/ann/noteForms/f").uid == "ann"
    assert Either.request("users/ann/either/f").uid is None
    assert Either.request("users/ann/either/f").doc_id == "f"


def test_a_form_and_a_patch_may_have_a_name_that_is_not_their_class() -> None:
    class Saved(Form, name="after_save", path="saved/{id}", create=signed_in()):
        text: str

        def submit(self, request: Request) -> list[Note]:
            return []

    assert FormMediator(Saved).name == "after_save"
    with pytest.raises(DeclarationError):

        class Wrong(Form, name="after save", path="saved/{id}", create=signed_in()):
            pass
