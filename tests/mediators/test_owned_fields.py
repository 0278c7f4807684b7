"""What may write where: domain documents are the truth, of which a mediator may own fields."""

from __future__ import annotations

from typing import Any

import pytest

from onto_fn import (
    App,
    DeclarationError,
    DocumentSink,
    DomainModel,
    Mediator,
    Store,
    ViewMediator,
    ViewModel,
    root,
)
from onto_fn.errors import BuildError
from onto_fn.mediators import Documents
from onto_fn.messaging import TopicSink
from onto_fn.models import DomainModel as Model


class Person(DomainModel, collection="people"):
    name: str
    seed_count: int = 0


class Planting(DomainModel, collection="plantings"):
    person: str


class PlantingStore(Store):
    planting = root(Planting)


def planted(
    sink: DocumentSink, mediator_name: str = "Planted", source: type[Model] = Planting, **more: Any
) -> Mediator:
    """A mediator from plantings to a sink."""

    def on_write(self: Mediator, source: Planting) -> Documents:
        return None

    body = {"source": source, "sink": sink, "name": mediator_name, "on_write": on_write}
    return type(mediator_name, (Mediator,), {"__module__": __name__} | body | more)()


def test_a_mediator_that_would_replace_domain_documents_is_refused() -> None:
    problem = r"Planted writes 'people/\{id\}', which holds documents of Person.*fields=\["

    with pytest.raises(DeclarationError, match=problem):
        App([planted(DocumentSink("people/{id}"))])


def test_a_mediator_that_would_replace_what_another_reads_is_refused() -> None:
    class Elsewhere(DomainModel, collection="towns/{town}/elsewhere"):
        pass

    Elsewhere.__module__ = "some.other.module"

    class ElsewhereStore(Store):
        elsewhere = root(Elsewhere)

    class ElsewherePage(ViewModel[ElsewhereStore], path="elsewherePages/{id}"):
        @property
        def title(self) -> str: ...

    mediator = planted(DocumentSink("towns/{a}/elsewhere/{b}"))

    with pytest.raises(DeclarationError, match="which holds documents of Elsewhere"):
        App([ViewMediator(ElsewherePage), mediator])


def test_a_view_in_the_place_of_domain_documents_is_refused() -> None:
    class PersonPage(ViewModel[PlantingStore], path="people/{person}"):
        @property
        def title(self) -> str: ...

    with pytest.raises(DeclarationError, match=r"PersonPage writes 'people/\{person\}', which"):
        App([ViewMediator(PersonPage)])


def test_a_mediator_may_own_fields_of_domain_documents_which_it_watches() -> None:
    app = App([planted(DocumentSink("people/{id}", fields=["seedCount"]))])

    # A person who comes later, or is replaced, is to get the field.
    assert sorted(app.functions()) == ["on_people_written", "on_plantings_written"]


def test_a_mediator_may_say_that_a_model_only_reads_what_it_writes() -> None:
    App([planted(DocumentSink("people/{id}", whole=True))])


def test_mediators_that_own_different_fields_of_one_document_are_allowed() -> None:
    App(
        [
            planted(DocumentSink("people/{id}", fields=["a", "b"]), "First"),
            planted(DocumentSink("people/{person}", fields=["c"]), "Second"),
        ]
    )


def test_mediators_that_own_the_same_field_are_refused() -> None:
    first = planted(DocumentSink("people/{id}", fields=["a", "b"]), "First")
    second = planted(DocumentSink("people/{person}", fields=["b", "c"]), "Second")

    with pytest.raises(DeclarationError, match="First and Second both own b of"):
        App([first, second])


def test_fields_of_documents_that_are_another_mediators_own_are_refused() -> None:
    first = planted(DocumentSink("others/{id}"), "First")
    second = planted(DocumentSink("others/{id}", fields=["a"]), "Second")

    with pytest.raises(DeclarationError, match="First and Second can both write"):
        App([first, second])


def test_a_field_of_its_own_source_is_refused() -> None:
    with pytest.raises(DeclarationError, match="in a cycle: Planted -> Planted"):
        App([planted(DocumentSink("plantings/{id}", fields=["a"]))])


def test_mediators_that_own_fields_of_each_others_sources_are_refused() -> None:
    there = planted(DocumentSink("people/{id}", fields=["a"]), "There")
    back = planted(DocumentSink("plantings/{id}", fields=["a"]), "Back", Person)

    with pytest.raises(DeclarationError, match="in a cycle: There -> Back -> There"):
        App([there, back])


def test_a_field_is_owned_by_its_stored_name() -> None:
    with pytest.raises(DeclarationError, match="Person stores as 'seedCount'"):
        App([planted(DocumentSink("people/{id}", fields=["seed_count"]))])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"fields": "seedCount"}, "needs a list"),
        ({"fields": []}, "needs a list"),
        ({"fields": [""]}, "a field.s name|reserves"),
        ({"fields": ["__name__"]}, "a field.s name|reserves"),
        ({"fields": [1]}, "a field.s name|reserves"),
        ({"fields": ["obj_type"]}, "names the class"),
        ({"creates": True}, "declare `fields`"),
        ({"fields": ["a"], "whole": True}, "not both"),
    ],
)
def test_a_sink_that_owns_what_cannot_be_owned_is_refused(
    options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(DeclarationError, match=problem):
        DocumentSink("people/{id}", **options)


@pytest.mark.parametrize(
    ("declared", "problem"),
    [({"mode": "query"}, "no ledger"), ({"sends": [TopicSink("people")]}, "a whole document")],
)
def test_what_owning_fields_does_not_go_with_is_refused(
    declared: dict[str, Any], problem: str
) -> None:
    with pytest.raises(DeclarationError, match=problem):
        planted(DocumentSink("people/{id}", fields=["a"]), **declared)


def test_a_field_that_the_sink_does_not_own_cannot_be_written() -> None:
    sink = DocumentSink("people/{id}", fields=["a"])

    with pytest.raises(BuildError, match="owns only a; it cannot write name"):
        sink.document({"a": 1, "name": "Ada"}, id="ada")
