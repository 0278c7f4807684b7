"""View models: their fields and their targets."""

from collections.abc import Iterable
from typing import Annotated, Any

import pytest
from google.cloud.firestore_v1 import GeoPoint
from pydantic import BaseModel, Field

from onto_fn import DomainModel, EmbeddedModel, Ref, Store, ViewModel, root
from onto_fn.errors import BuildError, InvalidPath
from onto_fn.firestore import Document, PathTemplate, Reference
from onto_fn.views import Transition


class Recipe(DomainModel, collection="recipes"):
    title: str = "Soup"
    cooks: list[str] = Field(default_factory=list)


class RecipeStore(Store):
    recipe = root(Recipe)


class Ingredient(BaseModel):
    full_name: str
    amount: int | None = None


class Chef(EmbeddedModel):
    full_name: str


def build(view: type[ViewModel[Any]], **recipe: Any) -> dict[str, Any]:
    """The documents of a view of the recipe `soup`."""
    store = RecipeStore()
    store.put("recipe", Recipe(**{"doc_id": "soup", **recipe}))
    built = view.definition().build(store, Transition.CREATED)
    assert built is not None
    return {path: dict(fields) for path, fields in built.items()}


def test_a_view_is_one_document_at_its_roots_id() -> None:
    class Card(ViewModel[RecipeStore], path="cards/{recipe_id}"):
        @property
        def recipe_title(self) -> str:
            return self.store.recipe.title

    assert build(Card) == {"cards/soup": {"recipeTitle": "Soup"}}


def test_every_public_property_is_a_field_in_camel_case() -> None:
    class Card(ViewModel[RecipeStore], path="cards/{recipe_id}"):
        @property
        def long_title_of_it(self) -> str:
            return self._helper

        @property
        def servings(self) -> int:
            return self.double(2)

        @property
        def _helper(self) -> str:
            return "T"

        def double(self, number: int) -> int:
            return 2 * number

    assert build(Card)["cards/soup"] == {"longTitleOfIt": "T", "servings": 4}


def test_an_alias_chooses_the_name_in_firestore() -> None:
    class Card(ViewModel[RecipeStore], path="cards/{recipe_id}"):
        @property
        def title(self) -> Annotated[str, Field(alias="full_title")]:
            return "T"

    assert build(Card)["cards/soup"] == {"full_title": "T"}


def test_none_leaves_a_field_out() -> None:
    class Card(ViewModel[RecipeStore], path="cards/{recipe_id}"):
        @property
        def subtitle(self) -> str | None:
            return None

        @property
        def note(self) -> Annotated[str | None, Field(alias="remark")]:
            return None

        @property
        def hot(self) -> bool:
            return False

    assert build(Card)["cards/soup"] == {"hot": False}


def test_models_in_a_view_are_maps() -> None:
    class Card(ViewModel[RecipeStore], path="cards/{recipe_id}"):
        @property
        def ingredients(self) -> list[Ingredient]:
            return [Ingredient(full_name="Salt")]

        @property
        def chef(self) -> Chef:
            return Chef(full_name="Tove")

    assert build(Card)["cards/soup"] == {
        "ingredients": [{"full_name": "Salt"}],
        "chef": {"fullName": "Tove"},
    }


def test_a_view_may_hold_every_firestore_type() -> None:
    class Card(ViewModel[RecipeStore], path="cards/{recipe_id}"):
        @property
        def source(self) -> Ref[Recipe]:
            return self.store.recipe.doc_ref

        @property
        def kitchen(self) -> GeoPoint:
            return GeoPoint(1, 2)

    assert build(Card)["cards/soup"] == {
        "source": Reference("recipes/soup"),
        "kitchen": GeoPoint(1, 2),
    }


def test_a_typed_view_tells_its_class_and_path() -> None:
    class Card(ViewModel[RecipeStore], path="cards/{recipe_id}", typed=True):
        @property
        def title(self) -> str:
            return "T"

    assert build(Card)["cards/soup"] == {
        "title": "T",
        "obj_type": "Card",
        "doc_ref": "cards/soup",
    }


class Copies(ViewModel[RecipeStore], path="users/{user_id}/cards/{recipe_id}", typed=True):
    @property
    def title(self) -> str:
        return self.store.recipe.title

    def targets(self) -> Iterable[dict[str, str]]:
        for cook in self.store.recipe.cooks:
            yield {"user_id": cook, "recipe_id": self.store.recipe.doc_id}


def test_a_view_may_have_a_copy_for_each_of_several_targets() -> None:
    assert build(Copies, cooks=["a", "b"]) == {
        f"users/{cook}/cards/soup": {
            "title": "Soup",
            "obj_type": "Copies",
            "doc_ref": f"users/{cook}/cards/soup",
        }
        for cook in ("a", "b")
    }


def test_a_view_may_have_no_target() -> None:
    assert build(Copies, cooks=[]) == {}


@pytest.mark.parametrize("cook", ["a/b", "", "..", "__x__", "x" * 1501])
def test_a_target_that_firestore_refuses_is_refused(cook: str) -> None:
    with pytest.raises(InvalidPath, match="'user_id'"):
        build(Copies, cooks=[cook])


def test_a_getter_that_raises_is_named() -> None:
    class Broken(ViewModel[RecipeStore], path="broken/{recipe_id}"):
        @property
        def first_cook(self) -> str:
            return self.store.recipe.cooks[0]

    with pytest.raises(BuildError, match=r"^Broken\.first_cook raised IndexError: list index"):
        build(Broken)


def test_targets_that_raise_are_named() -> None:
    class Broken(ViewModel[RecipeStore], path="broken/{recipe_id}"):
        @property
        def title(self) -> str:
            return "T"

        def targets(self) -> Iterable[dict[str, str]]:
            yield {"recipe_id": self.store.recipe.cooks[0]}

    with pytest.raises(BuildError, match=r"^Broken\.targets raised IndexError"):
        build(Broken)


def test_a_value_of_another_type_than_declared_is_refused() -> None:
    class Wrong(ViewModel[RecipeStore], path="wrong/{recipe_id}"):
        @property
        def servings(self) -> int:
            return "many"  # pyright: ignore

    with pytest.raises(BuildError, match=r"Wrong computed invalid fields: servings: "):
        build(Wrong)


def test_none_where_none_is_not_declared_is_refused() -> None:
    class Wrong(ViewModel[RecipeStore], path="wrong/{recipe_id}"):
        @property
        def title(self) -> str:
            return None  # pyright: ignore

    with pytest.raises(BuildError, match="title: "):
        build(Wrong)


def test_fields_are_inherited_from_a_base_and_from_a_mixin() -> None:
    class Titled:
        @property
        def title(self) -> str:
            return "T"

    class First(Titled, ViewModel[RecipeStore], path="first/{recipe_id}"):
        @property
        def one(self) -> int:
            return 1

    class Second(First, path="second/{recipe_id}"):
        @property
        def two(self) -> int:
            return 2

    assert build(Second) == {"second/soup": {"title": "T", "one": 1, "two": 2}}


def test_a_mixin_after_the_view_gives_its_fields_as_well() -> None:
    class Dated:
        @property
        def year(self) -> int:
            return 2026

    class Card(ViewModel[RecipeStore], Dated, path="cards/{recipe_id}"):
        @property
        def title(self) -> str:
            return "T"

    assert build(Card)["cards/soup"] == {"title": "T", "year": 2026}


@pytest.mark.parametrize("name", ["content", "ref", "all", "copy", "json"])
def test_a_field_named_like_a_method_is_stored_like_any_other(name: str) -> None:
    def getter(self: object) -> str:
        return "value"

    card = type(ViewModel)(
        "Card", (ViewModel,), {name: property(getter), "__store__": RecipeStore}, path="c/{id}"
    )

    [fields] = build(card).values()
    assert list(fields.values()) == ["value"]


def test_a_document_of_a_view_is_read_back_through_its_class() -> None:
    class Card(ViewModel[RecipeStore], path="cards/{recipe_id}", typed=True):
        @property
        def title(self) -> str:
            return "T"

        @property
        def note(self) -> Annotated[str | None, Field(alias="remark")]:
            return None

    [(path, fields)] = build(Card).items()
    read: Any = Card.Document.from_document(Document(path, fields, None))

    assert (read.title, read.note) == ("T", None)
    assert Card.Document.template() == PathTemplate("cards")
