"""Subclasses of a model share its collection and are told apart by `obj_type`."""

from typing import Any

import pytest

from onto_fn import DeclarationError, DomainModel
from onto_fn.errors import InvalidDocument
from onto_fn.firestore import Document, Filter


class City(DomainModel, collection="City"):
    city_name: str
    country: str
    capital: bool | None = None


class Municipality(City):
    pass


class StandardCity(City):
    city_state: str


class Harbour(StandardCity, obj_type="Port"):
    pass


def document(**fields: Any) -> Document:
    return Document("City/TOK", {"cityName": "Tokyo", "country": "Japan", **fields}, None)


def test_a_document_is_read_as_the_class_that_it_names() -> None:
    assert type(City.from_document(document(obj_type="Municipality"))) is Municipality
    assert type(City.from_document(document(obj_type="City"))) is City


def test_a_class_can_choose_its_name_in_documents() -> None:
    read = City.from_document(document(obj_type="Port", cityState="CA"))

    assert type(read) is Harbour
    assert read.doc_fields()["obj_type"] == "Port"


def test_a_document_without_obj_type_is_of_the_class_that_is_asked() -> None:
    assert type(City.from_document(document())) is City
    assert type(Municipality.from_document(document())) is Municipality


def test_an_unknown_obj_type_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(
        InvalidDocument,
        match=r"City/TOK .*obj_type: 'Village' .*\(City, Municipality, Port, StandardCity\)",
    ):
        City.from_document(document(obj_type="Village"))


@pytest.mark.parametrize("obj_type", ["City", "StandardCity"])
def test_an_obj_type_of_no_subclass_is_refused(obj_type: str) -> None:
    with pytest.raises(InvalidDocument, match=f"{obj_type!r} is neither Municipality nor"):
        Municipality.from_document(document(obj_type=obj_type))


def test_an_obj_type_that_is_no_string_is_refused() -> None:
    with pytest.raises(InvalidDocument, match="obj_type"):
        City.from_document(document(obj_type=["City"]))


def test_the_fields_of_the_subclass_are_required() -> None:
    with pytest.raises(InvalidDocument, match="valid StandardCity: cityState"):
        City.from_document(document(obj_type="StandardCity"))


def test_subclasses_share_the_collection() -> None:
    assert Municipality(doc_id="TOK", city_name="T", country="J").doc_ref.path == "City/TOK"
    assert Municipality.ref("TOK") == City.ref("TOK")


def test_a_subclass_cannot_have_another_collection() -> None:
    with pytest.raises(DeclarationError, match=r"Village declares .*'villages'.*inherits 'City'"):

        class Village(City, collection="villages"):
            pass


def test_a_base_without_a_collection_gives_each_subclass_its_own() -> None:
    class Named(DomainModel):
        name: str

    class Lake(Named, collection="lakes"):
        pass

    class River(Named, collection="rivers"):
        pass

    assert Lake.ref("a").path == "lakes/a"
    assert River.ref("a").path == "rivers/a"
    assert River.all().query().filters == ()


def test_a_query_of_the_base_returns_every_class() -> None:
    assert City.all().query().collection == "City"
    assert City.all().query().filters == ()


def test_a_query_of_a_subclass_returns_only_it() -> None:
    assert Municipality.all().query().filters == (Filter("obj_type", "==", "Municipality"),)


def test_a_query_of_a_subclass_with_subclasses_returns_those_too() -> None:
    assert StandardCity.all().query().filters == (
        Filter("obj_type", "in", ["Port", "StandardCity"]),
    )


def test_a_condition_comes_on_top_of_the_class() -> None:
    query = Municipality.where("country", "==", "USA").query()

    assert query.filters == (
        Filter("obj_type", "==", "Municipality"),
        Filter("country", "==", "USA"),
    )


def test_a_field_of_a_subclass_is_unknown_to_the_base() -> None:
    assert StandardCity.where("city_state", "==", "CA").filters[0].field == "cityState"
    with pytest.raises(DeclarationError, match="City has no field 'city_state'"):
        City.where("city_state", "==", "CA")


@pytest.mark.parametrize(
    ("model", "obj_type", "accepted"),
    [
        (City, "City", True),
        (City, "Port", True),
        (City, None, True),
        (Municipality, "Municipality", True),
        (Municipality, "City", False),
        (Municipality, None, False),
        (StandardCity, "Port", True),
    ],
)
def test_obj_type_makes_a_document_one_of_a_class(
    model: type[City], obj_type: str | None, accepted: bool
) -> None:
    fields = {"obj_type": obj_type} if obj_type else {}

    assert model.accepts(fields) is accepted
