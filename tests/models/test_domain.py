"""Domain models: how an object and its document correspond."""

from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.types import Document as DocumentMessage
from pydantic import BaseModel, Field, PrivateAttr

from onto_fn import DeclarationError, DomainModel, EmbeddedModel
from onto_fn.errors import InvalidDocument
from onto_fn.firestore import Document
from onto_fn.firestore.values import decode_fields, encode_fields
from onto_fn.models.domain import stored_content

UPDATED = datetime(2026, 1, 1, tzinfo=UTC)


class Address(EmbeddedModel):
    postal_code: str
    street_name: str | None = None


class Badge(BaseModel):
    badge_number: int


class Person(DomainModel, collection="people"):
    first_name: str
    nick_name: str | None = None
    home_address: Address | None = None
    badges: list[Badge] = Field(default_factory=list)
    homes_by_year: dict[str, Address] = Field(default_factory=dict)


class Vote(DomainModel, collection="polls/{poll}/votes"):
    option: str


class Place(DomainModel, collection="places"):
    opened_at: datetime
    position: GeoPoint
    picture: bytes
    ratings: dict[str, float]


def document(path: str, **fields: Any) -> Document:
    return Document(path, fields, UPDATED)


def through_firestore(model: DomainModel) -> Document:
    """The model's document after a way through the wire format."""
    encoded = encode_fields(model.doc_fields(), documents="p/p/d/d/documents", where="x/x")
    message = DocumentMessage.pb(DocumentMessage(fields=encoded))
    return Document(model.doc_ref.path, decode_fields(message.fields, "p/p/d/d/documents"), UPDATED)


def test_fields_are_camel_case_in_firestore() -> None:
    assert Person(doc_id="tove", first_name="Tove").doc_fields()["firstName"] == "Tove"


def test_own_fields_tell_id_path_and_class() -> None:
    fields = Person(doc_id="tove", first_name="Tove").doc_fields()

    assert fields["doc_id"] == "tove"
    assert fields["doc_ref"] == "people/tove"
    assert fields["obj_type"] == "Person"


def test_optional_fields_without_a_value_are_left_out() -> None:
    fields = Person(
        doc_id="a", first_name="Tove", home_address=Address(postal_code="1")
    ).doc_fields()

    assert "nickName" not in fields
    assert fields["homeAddress"] == {"postalCode": "1"}


def test_false_zero_and_empty_are_not_left_out() -> None:
    class Flags(DomainModel, collection="flags"):
        on: bool = False
        count: int = 0
        text: str = ""

    assert stored_content(Flags(doc_id="a")) == {"on": False, "count": 0, "text": ""}


def test_embedded_models_are_camel_case_and_plain_models_stay_as_they_are() -> None:
    person = Person(
        doc_id="a",
        first_name="Tove",
        home_address=Address(postal_code="02150", street_name="Main"),
        badges=[Badge(badge_number=1)],
        homes_by_year={"1999": Address(postal_code="2")},
    )

    assert stored_content(person) == {
        "firstName": "Tove",
        "homeAddress": {"postalCode": "02150", "streetName": "Main"},
        "badges": [{"badge_number": 1}],
        "homesByYear": {"1999": {"postalCode": "2"}},
    }


def test_a_document_is_read_back_as_the_object_that_was_written() -> None:
    person = Person(
        doc_id="a",
        first_name="Tove",
        home_address=Address(postal_code="1"),
        badges=[Badge(badge_number=1)],
    )

    assert Person.from_document(through_firestore(person)).doc_fields() == person.doc_fields()


def test_times_points_bytes_and_maps_come_back_from_firestore() -> None:
    place = Place(
        doc_id="a",
        opened_at=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        position=GeoPoint(32.8, -117.2),
        picture=b"\x00\xff",
        ratings={"users/a": 4.5},
    )

    assert Place.from_document(through_firestore(place)).doc_fields() == place.doc_fields()


def test_a_read_object_knows_its_id_path_and_update_time() -> None:
    person = Person.from_document(document("people/tove", firstName="Tove"))

    assert person.doc_id == "tove"
    assert person.doc_ref.path == "people/tove"
    assert person.doc_update_time == UPDATED


def test_the_path_decides_the_id_whatever_the_document_says() -> None:
    person = Person.from_document(
        document("people/tove", firstName="T", doc_id="other", doc_ref="people/other")
    )

    assert person.doc_ref.path == "people/tove"
    assert person.doc_fields()["doc_id"] == "tove"


def test_a_new_object_without_an_id_gets_one_of_its_own() -> None:
    first, second = Person(first_name="A"), Person(first_name="B")

    assert first.doc_id != second.doc_id
    assert len(first.doc_id) == 20


def test_a_document_that_does_not_fit_is_named_with_its_fields() -> None:
    bad = document("people/tove", nickName=7, homeAddress={"streetName": "Main"})

    with pytest.raises(InvalidDocument) as caught:
        Person.from_document(bad)

    assert caught.value.path == "people/tove"
    assert str(caught.value).startswith("people/tove is not a valid Person: ")
    named = {problem.partition(":")[0] for problem in caught.value.problems}
    assert named == {"firstName", "nickName", "homeAddress.postalCode"}


def test_a_refused_value_is_not_repeated_in_the_message() -> None:
    with pytest.raises(InvalidDocument) as caught:
        Person.from_document(document("people/a", firstName={"secret": "hunter2"}))

    assert "hunter2" not in str(caught.value)


def test_undeclared_fields_are_kept_by_default() -> None:
    person = Person.from_document(document("people/a", firstName="T", shoeSize=38))

    assert stored_content(person) == {
        "firstName": "T",
        "shoeSize": 38,
        "badges": [],
        "homesByYear": {},
    }


def test_undeclared_fields_can_be_dropped() -> None:
    class Strict(DomainModel, collection="strict", extra="ignore"):
        name: str

    read = Strict.from_document(document("strict/a", name="T", shoeSize=38))

    assert stored_content(read) == {"name": "T"}


def test_undeclared_fields_can_be_refused_and_own_fields_never_are() -> None:
    class Sealed(DomainModel, collection="sealed", extra="forbid"):
        name: str

    written = Sealed(doc_id="a", name="T").doc_fields()

    assert Sealed.from_document(document("sealed/a", **written)).name == "T"
    with pytest.raises(InvalidDocument, match=r"sealed/a .*shoeSize"):
        Sealed.from_document(document("sealed/a", name="T", shoeSize=38))


def test_an_assignment_is_validated() -> None:
    person = Person(doc_id="a", first_name="T")

    with pytest.raises(ValueError, match="first_name"):
        person.first_name = 7  # pyright: ignore[reportAttributeAccessIssue]


def test_an_object_of_a_nested_collection_is_created_at_a_path() -> None:
    vote = Vote.at("polls/p/votes/tove", option="yes")

    assert vote.doc_id == "tove"
    assert vote.doc_ref.path == "polls/p/votes/tove"
    assert vote.doc_fields()["doc_ref"] == "polls/p/votes/tove"


@pytest.mark.parametrize("path", ["votes/a", "polls/p/votes/v/x/y", "polls/p/answers/v"])
def test_a_path_in_another_collection_is_refused(path: str) -> None:
    with pytest.raises(DeclarationError, match=r"not in Vote's polls/\{poll\}/votes"):
        Vote.at(path, option="yes")


def test_an_object_of_a_nested_collection_without_a_path_says_how_to_give_one() -> None:
    with pytest.raises(DeclarationError, match=r"Vote\.at\("):
        _ = Vote(doc_id="v", option="yes").doc_ref


def test_a_reference_into_a_nested_collection_names_its_parents() -> None:
    assert Vote.ref("tove", poll="p").path == "polls/p/votes/tove"


@pytest.mark.parametrize("collection", ["users/a", "polls/{poll}/votes/{v}", "", "users//x"])
def test_a_collection_that_is_none_is_refused(collection: str) -> None:
    with pytest.raises(DeclarationError):

        class Wrong(DomainModel, collection=collection):
            pass


def test_a_model_without_a_collection_is_refused_where_it_is_used() -> None:
    class Abstract(DomainModel):
        name: str

    with pytest.raises(DeclarationError, match="Abstract has no collection"):
        Abstract.ref("a")


@pytest.mark.parametrize("alias", ["doc_ref", "obj_type", "doc_id"])
def test_a_field_stored_under_an_own_name_is_refused(alias: str) -> None:
    with pytest.raises(DeclarationError, match=f"{alias!r}, a field that onto_fn writes"):

        class Wrong(DomainModel, collection="wrong"):
            name: str = Field(alias=alias)


def test_an_alias_chooses_the_name_in_firestore() -> None:
    class Legacy(DomainModel, collection="legacy"):
        name: str = Field(alias="full_name")

    assert stored_content(Legacy(doc_id="a", name="T")) == {"full_name": "T"}


def test_a_field_named_like_a_method_is_stored_like_any_other() -> None:
    class Post(DomainModel, collection="posts"):
        content: str
        kind: Literal["text"] = "text"

    post = Post(doc_id="a", content="hello")

    assert post.doc_fields()["content"] == "hello"


def test_a_required_field_named_like_a_method_is_still_required() -> None:
    class Note(DomainModel, collection="notes"):
        content: str

    with pytest.raises(InvalidDocument, match="content"):
        Note.from_document(document("notes/a"))


def test_none_in_a_map_is_kept_as_it_was_read() -> None:
    class Answers(DomainModel, collection="answers"):
        by_user: dict[str, int | None]

    read = Answers.from_document(document("answers/a", byUser={"a": 1, "b": None}))

    assert stored_content(read) == {"byUser": {"a": 1, "b": None}}


def test_private_attributes_and_hooks_of_the_application_are_set_with_ours() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)

    class Plain(DomainModel, collection="plain"):
        name: str

    class Private(Plain):
        _seen: int = 7

    class Hooked(Plain):
        def model_post_init(self, context: Any) -> None:
            self.name = f"{self.name}!"

    class Both(Hooked):
        _more: list[int] = PrivateAttr(default_factory=lambda: [1])

    for cls, name in ((Plain, "a"), (Private, "a"), (Hooked, "a!"), (Both, "a!")):
        read = cls.from_document(Document("plain/p", {"name": "a"}, at))
        made = cls(doc_id="p", name="a")

        assert (read.name, read.doc_update_time, read.doc_ref.path) == (name, at, "plain/p")
        assert (made.name, made.doc_update_time) == (name, None)
    assert Private(name="a")._seen == 7
    assert Both(name="a")._more == [1]
    assert Both(name="a")._more is not Both(name="a")._more
