"""View models as they are declared: what the engine learns, and mistakes that are refused."""

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from onto_fn import DeclarationError, DomainModel, Store, ViewModel, root
from onto_fn.firestore import PathTemplate
from onto_fn.views import Definition, Transition

if TYPE_CHECKING:
    from decimal import Decimal


class Dish(DomainModel, collection="dishes"):
    title: str = "Soup"


class DishStore(Store):
    dish = root(Dish)


def test_a_definition_names_the_view_its_sources_and_its_paths() -> None:
    class Menu(ViewModel[DishStore], path="menus/{dish_id}"):
        @property
        def title(self) -> str:
            return "T"

    definition = Menu.definition()

    assert definition.name == "Menu"
    assert definition.root_collection == PathTemplate("dishes")
    assert definition.source_collections() == {PathTemplate("dishes")}
    assert definition.targets == (PathTemplate("menus/{dish_id}"),)
    assert definition.isolation == "snapshot"


def menu(version: str = "", name: str | None = None) -> Definition:
    class Menu(ViewModel[DishStore], path="menus/{id}", version=version, name=name):
        @property
        def title(self) -> str:
            return "T"

    return Menu.definition()


def test_the_same_code_has_the_same_fingerprint() -> None:
    assert menu().fingerprint == menu().fingerprint


def test_a_new_version_changes_the_fingerprint() -> None:
    assert menu(version="1").fingerprint != menu(version="2").fingerprint


def test_a_view_may_keep_its_name_in_the_ledger() -> None:
    assert menu(name="OldMenu").name == "OldMenu"


@pytest.mark.parametrize("name", ["a/b", "a~b"])
def test_a_name_that_cannot_be_part_of_a_ledger_id_is_refused(name: str) -> None:
    with pytest.raises(DeclarationError, match="view name"):
        menu(name=name)


def test_an_annotation_without_a_getter_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"Menu\.title is declared without a getter"):

        class Menu(ViewModel[DishStore], path="menus/{dish_id}"):
            title: str


def test_a_property_without_a_type_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"Menu\.title has no return type"):

        class Menu(ViewModel[DishStore], path="menus/{dish_id}"):
            @property
            def title(self):
                return "T"


def test_a_type_that_cannot_be_resolved_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"Menu\.price: its return type .*Decimal"):

        class Menu(ViewModel[DishStore], path="menus/{dish_id}"):
            @property
            def price(self) -> "Decimal": ...


def test_an_async_property_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"Menu\.title must be a plain \(not async\)"):

        class Menu(ViewModel[DishStore], path="menus/{dish_id}"):
            @property
            async def title(self) -> str:
                return "T"


def test_a_view_without_fields_is_refused() -> None:
    with pytest.raises(DeclarationError, match="Menu has no fields"):

        class Menu(ViewModel[DishStore], path="menus/{dish_id}"):
            pass


def test_a_view_without_a_path_is_refused() -> None:
    with pytest.raises(DeclarationError, match="Menu has no path"):

        class Menu(ViewModel[DishStore]):
            @property
            def title(self) -> str:
                return "T"


def test_a_view_without_a_store_is_refused() -> None:
    with pytest.raises(DeclarationError, match="Menu names no store"):

        class Menu(ViewModel, path="menus/{dish_id}"):  # pyright: ignore
            @property
            def title(self) -> str:
                return "T"


@pytest.mark.parametrize("path", ["menus", "menus/{a}/x", "", "menus/", "menus/{", "menus//x/y"])
def test_a_path_that_names_no_document_is_refused(path: str) -> None:
    with pytest.raises(DeclarationError):

        class Menu(ViewModel[DishStore], path=path):
            @property
            def title(self) -> str:
                return "T"


@pytest.mark.parametrize(("path", "count"), [("menus/today", 0), ("a/{b}/c/{d}", 2)])
def test_a_path_that_the_roots_id_does_not_fill_needs_targets(path: str, count: int) -> None:
    with pytest.raises(DeclarationError, match=f"has {count} variables.*Define `targets"):

        class Menu(ViewModel[DishStore], path=path):
            @property
            def title(self) -> str:
                return "T"


def test_a_path_without_variables_is_allowed_with_targets() -> None:
    class Menu(ViewModel[DishStore], path="menus/today"):
        @property
        def title(self) -> str:
            return "T"

        def targets(self) -> Iterable[dict[str, str]]:
            return [{}]

    store = DishStore()
    store.put("dish", Dish(doc_id="soup"))

    assert Menu.definition().build(store, Transition.CREATED) == {"menus/today": {"title": "T"}}


def test_a_field_that_hides_the_documents_own_id_is_refused_when_it_is_declared() -> None:
    with pytest.raises(DeclarationError, match="doc_id"):

        class Menu(ViewModel[DishStore], path="menus/{dish_id}"):
            @property
            def doc_id(self) -> str:
                return "mine"


def test_a_cached_property_is_a_field_or_refused_but_never_dropped() -> None:
    try:

        class Menu(ViewModel[DishStore], path="menus/{dish_id}"):
            @property
            def title(self) -> str:
                return "T"

            @cached_property
            def servings(self) -> int:
                return 2

    except DeclarationError:
        return
    store = DishStore()
    store.put("dish", Dish(doc_id="soup"))
    built: Any = Menu.definition().build(store, Transition.CREATED)
    assert built["menus/soup"]["servings"] == 2
