"""Mistakes that only show when all views and mediators of an app are seen together."""

from typing import Any

import pytest

from onto_fn import (
    DeclarationError,
    DocumentSink,
    DomainModel,
    Mediator,
    Store,
    ViewModel,
    one,
    root,
)
from onto_fn.firestore import Document, PathTemplate, Query
from onto_fn.mediators import Documents
from onto_fn.mediators.checks import check_graph
from onto_fn.store import ReadSet, load
from onto_fn.views import Definition, Transition


class Seed(DomainModel, collection="seeds"):
    name: str


class SeedStore(Store):
    seed = root(Seed)


class Sprout(ViewModel[SeedStore], path="sprouts/{seed_id}"):
    @property
    def name(self) -> str:
        return self.store.seed.name.upper()


def view(name: str, path: str, *sources: type[DomainModel]) -> Definition:
    """The definition of a view at `path` that reads `sources`; the first is its root."""
    reads: dict[str, Any] = {"first": root(sources[0])}
    for index, source in enumerate(sources[1:]):
        reads[f"read_{index}"] = one(source, lambda store: store.first.doc_ref, default=None)
    store = type(f"{name}Store", (Store,), reads)
    return Definition(name, store, lambda store, transition: {}, (PathTemplate(path),), "")


def model(collection: str) -> type[DomainModel]:
    return type(DomainModel)(
        "Source", (DomainModel,), {"__module__": __name__}, collection=collection
    )


def test_views_of_different_paths_are_allowed() -> None:
    check_graph([view("A", "a/{id}", Seed), view("B", "b/{id}", Seed)])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a/{id}", "a/{id}"),
        ("a/{id}", "a/{other_name}"),
        ("a/{id}", "a/today"),
        ("users/{user}/a/{id}", "users/{user}/a/view"),
        ("users/{user}/a/{id}", "users/admin/{kind}/b"),
    ],
)
def test_views_that_can_write_the_same_path_are_refused(first: str, second: str) -> None:
    with pytest.raises(DeclarationError, match=r"First and Second can both write"):
        check_graph([view("First", first, Seed), view("Second", second, Seed)])


@pytest.mark.parametrize(
    ("first", "second"), [("a/{id}", "b/{id}"), ("a/x", "a/y"), ("a/{id}", "a/{id}/b/{x}")]
)
def test_views_that_cannot_write_the_same_path_are_allowed(first: str, second: str) -> None:
    check_graph([view("First", first, Seed), view("Second", second, Seed)])


@pytest.mark.parametrize(
    "collection", ["onto_ledger", "onto_dead_letters", "onto_outbox", "onto_inbox"]
)
def test_views_in_onto_fns_own_collections_are_refused(collection: str) -> None:
    with pytest.raises(DeclarationError, match=f"Nosy uses '{collection}/{{id}}'"):
        check_graph([view("Nosy", f"{collection}/{{id}}", Seed)])


def test_models_in_onto_fns_own_collections_are_refused_as_sources() -> None:
    with pytest.raises(DeclarationError, match="Nosy uses 'onto_ledger'"):
        check_graph([view("Nosy", "a/{id}", model("onto_ledger"))])


def test_a_view_that_feeds_itself_is_refused() -> None:
    with pytest.raises(DeclarationError, match="in a cycle: Own -> Own"):
        check_graph([view("Own", "seeds/{id}", Seed)])


def test_a_mediator_that_writes_its_own_source_is_refused() -> None:
    class Loop(Mediator):
        source = Seed
        sink = DocumentSink("seeds/{copy}")

        def on_write(self, source: Seed) -> Documents:
            return None

    with pytest.raises(DeclarationError, match="Loop -> Loop"):
        check_graph([Loop().definition()])


def test_two_views_that_feed_each_other_are_refused() -> None:
    definitions = [view("A", "a/{id}", model("b")), view("B", "b/{id}", model("a"))]

    with pytest.raises(DeclarationError, match="in a cycle: A -> B -> A"):
        check_graph(definitions)


def test_a_cycle_of_three_views_is_refused_and_shown_without_its_way_in() -> None:
    definitions = [
        view("Start", "a/{id}", Seed),
        view("X", "x/{id}", model("a"), model("z")),
        view("Y", "y/{id}", model("x")),
        view("Z", "z/{id}", model("y")),
    ]

    with pytest.raises(DeclarationError, match=r"in a cycle: X -> Y -> Z -> X\."):
        check_graph(definitions)


def test_a_cycle_through_nested_collections_of_other_variable_names_is_refused() -> None:
    definitions = [
        view("A", "users/{user}/a/{id}", model("users/{somebody}/b")),
        view("B", "users/{u}/b/view", model("users/{person}/a")),
    ]

    with pytest.raises(DeclarationError, match="A -> B -> A"):
        check_graph(definitions)


def test_a_diamond_of_views_is_allowed() -> None:
    check_graph(
        [
            view("Top", "top/{id}", Seed),
            view("Left", "left/{id}", model("top")),
            view("Right", "right/{id}", model("top")),
            view("Bottom", "bottom/{id}", model("left"), model("right")),
        ]
    )


def test_a_view_below_its_own_root_is_no_cycle() -> None:
    check_graph([view("Below", "seeds/{id}/views/view", Seed)])


class GardenStore(Store):
    sprout = root(Sprout.Document)


class Garden(ViewModel[GardenStore], path="gardens/{id}"):
    @property
    def title(self) -> str:
        return f"Garden of {self.store.sprout.name}"  # pyright: ignore


class SeedAndSproutStore(Store):
    seed = root(Seed)
    sprout = one(Sprout.Document, lambda store: Sprout.Document.ref(store.seed.doc_id))


class OneDocument:
    """A snapshot of a seed and its sprout."""

    fields = {"seeds/s": {"name": "rose"}, "sprouts/s": {"name": "ROSE"}}  # noqa: RUF012

    def get(self, paths: list[str]) -> dict[str, Document]:
        return {path: Document(path, self.fields[path], None) for path in paths}

    def query(self, query: Query) -> list[Document]:
        raise AssertionError(query)


def test_the_documents_of_a_view_can_be_the_root_of_another() -> None:
    store = load(GardenStore, "sprouts/s", OneDocument(), ReadSet())

    assert store is not None
    assert Garden.definition().build(store, Transition.CREATED) == {
        "gardens/s": {"title": "Garden of ROSE"}
    }


def test_the_documents_of_a_view_can_be_read_by_reference() -> None:
    store: Any = load(SeedAndSproutStore, "seeds/s", OneDocument(), ReadSet())

    assert store.sprout.name == "ROSE"


def test_a_view_of_a_view_is_in_the_graph() -> None:
    check_graph([Garden.definition(), Sprout.definition()])
    assert Garden.definition().source_collections() == {PathTemplate("sprouts")}


def test_a_view_that_reads_its_own_documents_is_refused() -> None:
    store = type("S", (Store,), {"own": root(Sprout.Document)})
    own = Definition("Own", store, lambda s, t: {}, (PathTemplate("sprouts/{id}"),), "")

    with pytest.raises(DeclarationError, match="Own -> Own"):
        check_graph([own])


class Wish(DomainModel, collection="wishes"):
    text: str = ""


class Dream(Wish):
    pass


class Nightmare(Wish):
    pass


def task(task_name: str, model: type[DomainModel], field: str | None) -> Definition:
    """A task on the documents of a model, marked in a field or deleted."""

    class Task(Mediator):
        source = model
        sink = DocumentSink("granted/{id}")
        name = task_name
        mode = "task"
        mark = field

        def on_create(self, source: DomainModel) -> Documents:
            return None

    return Task().definition()


@pytest.mark.parametrize(("mine", "theirs"), [(None, None), (None, "seen"), ("seen", "seen")])
@pytest.mark.parametrize("model", [Wish, Dream])
def test_two_tasks_that_would_take_each_others_documents_are_refused(
    mine: str | None, theirs: str | None, model: type[DomainModel]
) -> None:
    with pytest.raises(DeclarationError, match="A and B are both tasks of 'wishes'"):
        check_graph([task("A", Wish, mine), task("B", model, theirs)])


def test_two_tasks_with_marks_of_their_own_are_allowed() -> None:
    check_graph([task("A", Wish, "mailed"), task("B", Wish, "audited")])


def test_tasks_of_different_classes_in_one_collection_are_allowed() -> None:
    check_graph([task("A", Dream, None), task("B", Nightmare, None), task("C", Seed, None)])
