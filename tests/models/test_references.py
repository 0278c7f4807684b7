"""`Ref[Model]`: what it takes, how it is stored, what it refuses."""

from typing import Any

import pytest
from google.cloud.firestore import DocumentReference
from hypothesis import given
from pydantic import Field, create_model

from onto_fn import DomainModel, EmbeddedModel, Ref
from onto_fn.errors import InvalidDocument, InvalidPath
from onto_fn.firestore import Document, Reference
from onto_fn.models.domain import stored_content
from tests.strategies import document_paths


class Writer(DomainModel, collection="writers"):
    name: str
    best_book: "Ref[Novel] | None" = None


class Shelf(EmbeddedModel):
    first_book: "Ref[Novel]"


class Novel(DomainModel, collection="novels"):
    writer: Ref[Writer]
    editors: list[Ref[Writer]] = Field(default_factory=list)
    by_role: dict[str, Ref[Writer]] = Field(default_factory=dict)
    anything: Ref[Any] | None = None
    shelf: Shelf | None = None


class OldNovel(DomainModel, collection="old_novels", references="path"):
    writer: Ref[Writer]
    editors: list[Ref[Writer]] = Field(default_factory=list)
    by_role: dict[str, Ref[Writer]] = Field(default_factory=dict)


class Node(DomainModel, collection="graph/{graph}/nodes"):
    follows: "Ref[Node] | None" = None


def novel(**fields: Any) -> Novel:
    return Novel.from_document(Document("novels/n", {"writer": "writers/tove", **fields}, None))


@pytest.mark.parametrize(
    "stored",
    [
        Reference("writers/tove"),
        "writers/tove",
        DocumentReference("writers", "tove"),
        Writer(doc_id="tove", name="Tove"),
        Writer.ref("tove"),
    ],
)
def test_every_form_of_a_reference_is_read(stored: object) -> None:
    assert novel(writer=stored).writer == Writer.ref("tove")


def test_a_reference_is_stored_as_a_reference() -> None:
    assert stored_content(Novel(doc_id="n", writer=Writer.ref("tove")))["writer"] == Reference(
        "writers/tove"
    )


def test_lists_and_maps_of_references_are_read_and_stored() -> None:
    read = novel(editors=["writers/a", Reference("writers/b")], byRole={"cover": "writers/c"})

    assert [editor.id for editor in read.editors] == ["a", "b"]
    assert stored_content(read)["editors"] == [Reference("writers/a"), Reference("writers/b")]
    assert stored_content(read)["byRole"] == {"cover": Reference("writers/c")}


def test_references_can_be_stored_as_paths() -> None:
    novel = OldNovel(
        doc_id="n",
        writer=Writer.ref("tove"),
        editors=[Writer.ref("a")],
        by_role={"cover": Writer.ref("b")},
    )
    stored = stored_content(novel)

    assert stored == {
        "writer": "writers/tove",
        "editors": ["writers/a"],
        "byRole": {"cover": "writers/b"},
    }


def test_sets_of_references_can_be_stored_as_paths() -> None:
    class Prize(DomainModel, collection="prizes", references="path"):
        winners: set[Ref[Writer]]

    stored = stored_content(Prize(doc_id="p", winners={Writer.ref("a")}))["winners"]

    assert list(stored) == ["writers/a"]


def test_references_stored_as_paths_are_read_whatever_their_form() -> None:
    document = Document("old_novels/n", {"writer": Reference("writers/tove")}, None)

    assert OldNovel.from_document(document).writer.path == "writers/tove"


@pytest.mark.parametrize("wrong", ["users/tove", Reference("users/tove"), "a/b/writers/tove"])
def test_a_reference_into_another_collection_is_refused_by_document_and_field(
    wrong: object,
) -> None:
    with pytest.raises(
        InvalidDocument,
        match=r"novels/n .*writer: .*reference to a document of writers, got '.*tove'",
    ):
        novel(writer=wrong)


@pytest.mark.parametrize("named", [Ref[Writer] | int, Ref["Writer"] | int])
def test_a_reference_among_other_types_is_named_shortly_where_none_of_them_fits(named: Any) -> None:
    model: Any = create_model(
        "Prize", __base__=DomainModel, __cls_kwargs__={"collection": "prizes"}, winner=(named, ...)
    )
    with pytest.raises(InvalidDocument, match=r"winner\.function-plain\[validate\(\)\]: .*writers"):
        model.from_document(Document("prizes/p", {"winner": "novels/n"}, None))


def test_the_wrong_one_of_several_references_is_named() -> None:
    with pytest.raises(InvalidDocument, match=r"novels/n .*editors\.1: .*'users/b'"):
        novel(editors=["writers/a", "users/b"])


@pytest.mark.parametrize("wrong", ["", "tove", "writers", "writers/a/b", 7, None, {"path": "a/b"}])
def test_what_is_no_reference_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidDocument, match=r"novels/n .*writer: "):
        novel(writer=wrong)


def test_a_reference_to_any_model_takes_every_collection() -> None:
    assert novel(anything="whatever/x").anything == Reference("whatever/x")


def test_models_can_refer_to_each_other_by_name() -> None:
    writer = Writer(doc_id="tove", name="Tove", best_book=Novel.ref("moomins"))

    assert writer.best_book == Novel.ref("moomins")
    with pytest.raises(ValueError, match="reference to a document of novels"):
        Writer(doc_id="tove", name="Tove", best_book=Writer.ref("tove"))


def test_a_reference_in_an_embedded_model_is_checked_as_well() -> None:
    assert novel(shelf={"firstBook": "novels/a"}).shelf == Shelf(first_book=Novel.ref("a"))
    with pytest.raises(InvalidDocument, match=r"shelf\.firstBook: .*'writers/a'"):
        novel(shelf={"firstBook": "writers/a"})


def test_a_reference_into_a_nested_collection_may_have_any_parents() -> None:
    node = Node.at("graph/g/nodes/a", follows="graph/h/nodes/b")

    assert node.follows == Node.ref("b", graph="h")
    with pytest.raises(ValueError, match=r"graph/\{graph\}/nodes"):
        Node.at("graph/g/nodes/a", follows="nodes/b")


def test_a_subclass_is_referred_to_through_its_collection() -> None:
    class Poet(Writer):
        pass

    class Anthology(DomainModel, collection="anthologies"):
        poet: Ref[Poet]

    assert Anthology(doc_id="a", poet="writers/p").poet.collection == "writers"


@given(document_paths)
def test_references_are_equal_exactly_if_their_paths_are(path: str) -> None:
    assert Reference(path) == Ref(path)
    assert hash(Reference(path)) == hash(Ref(path))
    assert Reference(path) != Reference(path + "x")
    assert Reference(path) != path


@given(document_paths)
def test_a_reference_knows_its_collection_and_id(path: str) -> None:
    reference = Reference(path)

    assert f"{reference.collection}/{reference.id}" == path


@pytest.mark.parametrize("doc_id", ["", "a/b", "..", "__a__", "x" * 1501])
def test_an_id_that_firestore_refuses_makes_no_reference(doc_id: str) -> None:
    with pytest.raises(InvalidPath):
        Writer.ref(doc_id)


def test_a_reference_is_a_string_in_json() -> None:
    shown = Novel(doc_id="n", writer=Writer.ref("tove"))

    assert '"writer":"writers/tove"' in shown.model_dump_json()
    assert Novel.model_json_schema()["properties"]["writer"]["type"] == "string"
