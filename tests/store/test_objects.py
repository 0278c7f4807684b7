"""Builds that share the content of a document do not share what can be changed."""

from datetime import UTC, datetime
from typing import Any

from pydantic import Field

from onto_fn import DomainModel
from onto_fn.firestore import Document
from onto_fn.models.tracked import FieldsRead
from onto_fn.store.objects import Objects, Templates


class Shelf(DomainModel, collection="sharedShelves"):
    name: str
    books: list[str] = Field(default_factory=list)


def shelf(second: int = 0, **fields: Any) -> Document:
    return Document("sharedShelves/s", fields, datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC))


def objects(templates: Templates) -> Objects:
    return Objects({}, FieldsRead(), templates)


def test_no_build_sees_what_another_has_changed_in_a_list_or_an_undeclared_map() -> None:
    templates, document = Templates(), shelf(name="a", books=["x"], more={"list": [1]})
    for _ in range(3):
        made = objects(templates).make(Shelf, document)
        assert (made.books, made.more) == (["x"], {"list": [1]})
        made.books.append("changed")
        made.more["list"].append(2)


def test_a_content_without_anything_to_change_is_validated_once() -> None:
    class Plain(DomainModel, collection="sharedPlain"):
        name: str

    templates, document = Templates(), Document("sharedPlain/p", {"name": "a"}, None)
    assert templates.of(Plain, document) is templates.of(Plain, document)


def test_another_version_of_a_document_is_another_content() -> None:
    templates = Templates()
    found = [templates.of(Shelf, shelf(s, name=name)).fields["name"] for s, name in enumerate("ab")]
    assert found == ["a", "b"]
