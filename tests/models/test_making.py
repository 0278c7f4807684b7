"""The object of a document is the one that pydantic would make."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, PrivateAttr, ValidationError, computed_field, field_validator

from onto_fn import DomainModel, EmbeddedModel, Ref
from onto_fn.errors import InvalidDocument
from onto_fn.firestore import Document, Reference
from onto_fn.models.making import validation
from onto_fn.models.model_type import problems_of

UPDATED = datetime(2026, 1, 1, tzinfo=UTC)


class Branch(EmbeddedModel):
    leaf_count: int = 0
    below: "list[Branch]" = Field(default_factory=list)


class Tree(DomainModel, collection="makingTrees"):
    name: str
    planted_by: "Ref[Tree] | None" = None
    heights: list[float] = Field(default_factory=list)
    branches: list[Branch] = Field(default=[])
    nested: "Tree | None" = None


class Oak(Tree):
    acorns: int = 0


class Strict(DomainModel, collection="makingStrict", extra="forbid"):
    size: float

    @field_validator("size")
    @classmethod
    def _positive(cls, size: float) -> float:
        if size < 0:
            raise ValueError("is negative")
        return size


class Sparse(DomainModel, collection="makingSparse", extra="ignore"):
    name: str = "none"


class Loose(DomainModel, collection="makingLoose"):
    name: str | None = None


class Summed(DomainModel, collection="makingSums"):
    parts: list[int] = Field(default_factory=list)

    @computed_field
    @property
    def total(self) -> int:
        return sum(self.parts)


class Counting(DomainModel, collection="makingCounts"):
    name: str = ""
    _seen: int = PrivateAttr(default=7)


MODELS: list[type[DomainModel]] = [Tree, Oak, Strict, Sparse, Loose, Summed, Counting]
names = st.sampled_from(
    ["name", "plantedBy", "planted_by", "heights", "branches", "nested", "size", "parts", "acorns"]
)
values = st.one_of(
    *(st.none(), st.booleans(), st.integers(-2, 2), st.floats(-2, 2), st.sampled_from(["a", "7"])),
    *(st.lists(st.integers(-2, 2), max_size=2), st.just(Reference("makingTrees/a"))),
    st.sampled_from(
        [[{"leafCount": 1, "below": [{"leaf_count": 2}]}], {"name": "b", "doc_id": "b"}]
    ),
)
documents = st.dictionaries(names | st.sampled_from(["obj_type", "doc_ref", "total"]), values)


def parts(model: BaseModel) -> list[Any]:
    own = [model.__dict__, model.__pydantic_fields_set__, model.__pydantic_extra__]
    return [type(model), *map(repr_of, own), model.__pydantic_private__]


def repr_of(value: Any) -> str:
    return repr(sorted(value)) if isinstance(value, set) else repr(value)


def by_pydantic(model: type[DomainModel], document: Document) -> list[Any]:
    fields = {**(document.fields or {}), "doc_id": document.path.rpartition("/")[2]}
    for name in ("obj_type", "doc_ref"):
        fields.pop(name, None)
    found: Any = model.model_validate(fields)
    found._path, found._update_time = document.path, document.update_time
    return parts(found)


@given(st.sampled_from(MODELS), documents)
def test_an_object_is_made_as_by_pydantic(model: type[DomainModel], fields: dict[str, Any]) -> None:
    fields.pop("obj_type", None)
    document = Document("any/id", fields, UPDATED)
    try:
        expected: Any = by_pydantic(model, document)
    except ValidationError as error:
        expected = problems_of(error)
    try:
        found: Any = parts(model.from_document(document))
    except InvalidDocument as error:
        cause = error.__cause__
        assert isinstance(cause, ValidationError)
        found = problems_of(cause)
    assert found == expected


@pytest.mark.parametrize("model", [Tree, Oak, Strict, Sparse])
def test_common_classes_are_made_without_pydantic(model: type[DomainModel]) -> None:
    assert validation(model) is not None


def test_what_a_class_does_by_itself_is_left_to_pydantic() -> None:
    class Own(DomainModel, collection="makingOwn"):
        def __init__(self, **values: Any) -> None:
            super().__init__(**values)
            self._path = "from __init__"

    assert validation(Summed) is None  # its stored field `total` is left out
    assert validation(Own) is None
    assert Counting.from_document(Document("makingCounts/c", {}, UPDATED))._seen == 7


def test_the_object_of_a_document_can_be_changed_and_copied() -> None:
    tree = Tree.from_document(Document("makingTrees/t", {"name": "a"}, UPDATED))
    tree.name = "b"
    assert tree.model_copy().doc_fields()["name"] == "b"
    with pytest.raises(ValidationError):
        tree.name = 3  # pyright: ignore[reportAttributeAccessIssue]


def test_objects_share_no_defaults() -> None:
    one, other = (Tree.from_document(Document(f"makingTrees/{i}", {"name": i}, None)) for i in "ab")
    one.branches.append(Branch())
    assert other.branches == []
