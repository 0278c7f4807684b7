"""Stores as they are declared: mistakes are refused when the class is created."""

import functools

import pytest

from onto_fn import DeclarationError, DomainModel, Ref, Store, aggregate, keyed, many, one, root
from onto_fn import query as matching
from onto_fn.aggregates import count
from onto_fn.firestore import Document, PathTemplate, Query, QueryShape
from onto_fn.store import ReadSet, load


class Guide(DomainModel, collection="guides"):
    name: str


class SeniorGuide(Guide):
    years: int


class Stop(DomainModel, collection="tours/{tour}/stops"):
    order: int


class Tour(DomainModel, collection="tours"):
    guide: Ref[Guide]
    guides: list[Ref[Guide]]


def test_a_store_without_a_root_is_refused() -> None:
    with pytest.raises(DeclarationError, match="Rootless declares 0 roots"):

        class Rootless(Store):
            guides = matching(Guide)


def test_a_store_with_two_roots_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"Forked declares 2 roots \['tour', 'guide'\]"):

        class Forked(Store):
            tour = root(Tour)
            guide = root(Guide)


def test_a_getter_that_uses_an_unknown_name_is_refused() -> None:
    with pytest.raises(
        DeclarationError, match=r"Misspelt\.guide uses `tuor`, which Misspelt does not declare"
    ):

        class Misspelt(Store):
            tour = root(Tour)
            guide = one(Guide, lambda store: store.tuor.guide)


def test_an_unknown_name_in_a_comprehension_is_refused() -> None:
    with pytest.raises(DeclarationError, match="uses `tuor`"):

        class Misspelt(Store):
            tour = root(Tour)
            guides = many(Guide, lambda store: [x for _ in "a" for x in store.tuor.guides])


def test_an_unknown_name_in_a_query_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"Misspelt\.tours uses `giude`"):

        class Misspelt(Store):
            guide = root(Guide)
            tours = matching(Tour).where("guide", "==", lambda store: store.giude.doc_ref)


def test_reads_that_wait_for_each_other_are_refused() -> None:
    with pytest.raises(DeclarationError, match="depend on each other in a circle: first, second"):

        class Circle(Store):
            tour = root(Tour)
            first = many(Guide, lambda store: [g.doc_ref for g in store.second])
            second = many(Guide, lambda store: [g.doc_ref for g in store.first])


def test_a_read_that_waits_for_itself_is_refused() -> None:
    with pytest.raises(DeclarationError, match="in a circle: guides"):

        class Circle(Store):
            tour = root(Tour)
            guides = many(Guide, lambda store: store.guides)


@pytest.mark.parametrize("declare", [one, many, keyed])
def test_a_read_without_a_function_is_refused(declare: object) -> None:
    with pytest.raises(DeclarationError, match="needs a function of the store"):
        declare(Guide, 5)  # pyright: ignore


@pytest.mark.parametrize("declare", [root, matching])
def test_a_read_of_what_is_no_model_is_refused(declare: object) -> None:
    with pytest.raises(DeclarationError, match="needs a DomainModel class"):
        declare(dict)  # pyright: ignore


def test_a_read_of_a_model_without_a_collection_is_refused() -> None:
    class Homeless(DomainModel):
        name: str

    with pytest.raises(DeclarationError, match="Homeless has no collection"):
        root(Homeless)


@pytest.mark.parametrize("declare", [many, keyed])
def test_an_unknown_way_with_missing_documents_is_refused(declare: object) -> None:
    with pytest.raises(DeclarationError, match="missing must be 'error' or 'skip', got 'ignore'"):
        declare(Guide, lambda store: store.tour.guides, missing="ignore")  # pyright: ignore


def test_a_query_on_an_unknown_field_is_refused() -> None:
    with pytest.raises(DeclarationError, match="Tour has no field 'leader'"):
        matching(Tour).where("leader", "==", None)


def test_a_query_with_an_unknown_operator_is_refused() -> None:
    with pytest.raises(DeclarationError, match="unknown operator 'contains'"):
        matching(Tour).where("guides", "contains", None)  # pyright: ignore


@pytest.mark.parametrize("count", [0, -3])
def test_a_query_with_a_limit_below_one_is_refused(count: int) -> None:
    with pytest.raises(DeclarationError, match="limit"):
        matching(Tour).limit(count)


def test_each_step_of_a_query_leaves_the_one_before_it_as_it_was() -> None:
    every = matching(Tour)
    every.where("guide", "==", "x").limit(1)

    assert every.conditions == ()
    assert every.count is None


def test_a_store_tells_the_models_that_it_reads() -> None:
    class TourStore(Store):
        tour = root(Tour)
        guide = one(Guide, lambda store: store.tour.guide)
        stops = matching(Stop).within(tour=lambda store: store.tour.doc_id).order_by("order")

    assert TourStore.models() == {Tour, Guide, Stop}
    assert TourStore.root().model is Tour


def test_a_store_tells_the_shapes_of_its_queries() -> None:
    class GuideStore(Store):
        guide = root(Guide)
        tours = (
            matching(Tour).where("guides", "array_contains", lambda s: s.guide).order_by("guide")
        )
        seniors = matching(SeniorGuide).where("years", ">", 3)

    assert GuideStore.shapes() == [
        QueryShape(PathTemplate("tours"), (("guides", "array_contains"),)),
        QueryShape(PathTemplate("guides"), (("obj_type", "=="),)),
    ]


def test_a_shape_has_the_keys_of_the_query_that_is_run() -> None:
    class GuideStore(Store):
        guide = root(Guide)
        tours = matching(Tour).where("guides", "array_contains", lambda s: s.guide)

    store = GuideStore()
    store.put("guide", Guide(doc_id="g", name="G"))
    tour = Tour(doc_id="t", guide="guides/x", guides=["guides/g", "guides/h"])

    [shape] = GuideStore.shapes()
    keys = GuideStore.tours.bind(store).keys()  # pyright: ignore

    assert keys <= shape.keys_of("tours/t", tour.doc_fields())


def test_a_query_below_the_root_gets_its_parent_from_the_store() -> None:
    class TourStore(Store):
        tour = root(Tour)
        stops = matching(Stop).within(tour=lambda store: store.tour.doc_id)

    store = TourStore()
    store.put("tour", Tour(doc_id="t", guide="guides/g", guides=[]))

    assert TourStore.stops.bind(store) == Query("tours/t/stops")  # pyright: ignore


def test_a_store_inherits_the_reads_of_another() -> None:
    class TourStore(Store):
        tour = root(Tour)

    class TourAndGuide(TourStore):
        guide = one(Guide, lambda store: store.tour.guide)

    assert list(TourAndGuide.reads()) == ["tour", "guide"]
    assert list(TourStore.reads()) == ["tour"]


class _Snapshot:
    def get(self, paths: list[str]) -> dict[str, Document]:
        fields = {
            "tours/t": {"guide": "guides/g", "guides": []},
            "guides/g": {"name": "G"},
        }
        return {path: Document(path, fields[path], None) for path in paths}

    def query(self, query: Query) -> list[Document]:
        raise AssertionError(query)


class _Picker:
    field = "guide"

    def pick(self, store: object) -> object:
        return getattr(store.tour, self.field)  # pyright: ignore


def _pick(field: str, store: object) -> object:
    return getattr(store.tour, field)  # pyright: ignore


@pytest.mark.parametrize(
    "getter", [functools.partial(_pick, "guide"), _Picker().pick], ids=["partial", "method"]
)
def test_any_callable_may_be_a_getter(getter: object) -> None:
    class TourStore(Store):
        tour = root(Tour)
        guide = one(Guide, getter)  # pyright: ignore

    store = load(TourStore, "tours/t", _Snapshot(), ReadSet())

    assert store is not None
    assert store.guide.name == "G"


def test_a_measure_of_a_name_that_a_shard_has_is_refused() -> None:
    with pytest.raises(DeclarationError, match="a measure named 'onto_changes'"):
        aggregate(Guide, onto_changes=count())


def test_a_read_that_two_stores_share_is_refused_and_stays_with_the_first() -> None:
    shared = aggregate(Guide, n=count())

    class First(Store):
        tour = root(Tour)
        guides = shared

    with pytest.raises(DeclarationError, match=r"Second\.leaders is the same read object as First"):

        class Second(Store):
            tour = root(Tour)
            leaders = shared

    assert [spec.name for spec in First.aggregates()] == ["First.guides"]


def test_a_read_with_two_names_in_a_store_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"Twice\.b is the same read object as Twice\.a"):

        class Twice(Store):
            tour = root(Tour)
            a = b = matching(Guide)


def test_a_read_made_from_another_stores_is_a_read_of_its_own() -> None:
    class First(Store):
        tour = root(Tour)
        guides = matching(Guide)

    class Second(Store):
        tour = root(Tour)
        anns = First.guides.where("name", "==", "Ann")  # pyright: ignore

    assert [read.title for read in (First.guides, Second.anns)] == ["First.guides", "Second.anns"]


def test_a_store_inherits_the_reads_of_its_parent() -> None:
    class Parent(Store):
        tour = root(Tour)

    class Child(Parent):
        guides = matching(Guide)

    assert list(Child.reads()) == ["tour", "guides"]
