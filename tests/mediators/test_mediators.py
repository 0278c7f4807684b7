"""Mediators: which hook is called when, and what becomes of what it returns."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from onto_fn import DeclarationError, DocumentSink, DomainModel, Mediator, ViewMediator
from onto_fn.errors import BuildError, InvalidPath, MissingDocument
from onto_fn.firestore import PathTemplate
from onto_fn.mediators import Documents
from onto_fn.messaging import TopicSink
from onto_fn.views import Definition, Transition


class Invoice(DomainModel, collection="invoices"):
    total: int


class Receipts(Mediator):
    """Base of the mediators below: receipts by a path of two variables."""

    source = Invoice
    sink = DocumentSink("customers/{customer}/receipts/{invoice}")

    def on_write(self, source: Invoice) -> Documents:
        return [self.receipt(source, "written")]

    def receipt(self, source: Invoice, event: str) -> Any:
        return self.sink.document(
            {"total": source.total, "event": event}, customer="c", invoice=source.doc_id
        )


PATH = "customers/c/receipts/i"


def build(mediator: Mediator, transition: Transition) -> Mapping[str, Any] | None:
    definition = mediator.definition()
    store = definition.store()
    store.put("source", Invoice(doc_id="i", total=7))
    return definition.build(store, transition)


def removed(mediator: Mediator) -> Mapping[str, Any] | None:
    hook = mediator.definition().removed
    assert hook is not None
    return hook("invoices/i")


class EveryHook(Receipts):
    def on_create(self, source: Invoice) -> Documents:
        return [self.receipt(source, "created")]

    def on_update(self, source: Invoice) -> Documents:
        return [self.receipt(source, "updated")]

    def on_delete(self, path: str) -> Documents:
        return [self.sink.document({"gone": path}, customer="c", invoice="i")]


@pytest.mark.parametrize(
    ("transition", "event"), [(Transition.CREATED, "created"), (Transition.UPDATED, "updated")]
)
def test_each_transition_calls_its_hook(transition: Transition, event: str) -> None:
    assert build(EveryHook(), transition) == {PATH: {"total": 7, "event": event}}


@pytest.mark.parametrize("transition", list(Transition))
def test_on_write_stands_in_for_hooks_that_are_not_defined(transition: Transition) -> None:
    assert build(Receipts(), transition) == {PATH: {"total": 7, "event": "written"}}


def test_only_the_hooks_that_are_not_defined_fall_back_to_on_write() -> None:
    class Some(Receipts):
        def on_create(self, source: Invoice) -> Documents:
            return [self.receipt(source, "created")]

    created = build(Some(), Transition.CREATED)
    updated = build(Some(), Transition.UPDATED)

    assert created == {PATH: {"total": 7, "event": "created"}}
    assert updated == {PATH: {"total": 7, "event": "written"}}


def test_a_deletion_calls_on_delete_with_the_path() -> None:
    assert removed(EveryHook()) == {PATH: {"gone": "invoices/i"}}


def test_a_deletion_leaves_no_documents_by_default() -> None:
    assert removed(Receipts()) == {}


def test_none_leaves_what_is_there_as_it_is() -> None:
    class Once(Receipts):
        def on_update(self, source: Invoice) -> Documents:
            return None

        def on_delete(self, path: str) -> Documents:
            return None

    assert build(Once(), Transition.UPDATED) is None
    assert removed(Once()) is None


def test_a_generator_hook_may_yield_several_documents() -> None:
    class Several(Receipts):
        def on_write(self, source: Invoice) -> Documents:
            for customer in ("a", "b"):
                yield self.sink.document({}, customer=customer, invoice=source.doc_id)

    assert build(Several(), Transition.CREATED) == {
        "customers/a/receipts/i": {},
        "customers/b/receipts/i": {},
    }


def test_a_coroutine_hook_runs_to_its_end() -> None:
    class Asynchronous(Receipts):
        async def on_write(self, source: Invoice) -> Documents:  # pyright: ignore
            await asyncio.sleep(0)
            return [self.receipt(source, "awaited")]

        async def on_delete(self, path: str) -> Documents:  # pyright: ignore
            await asyncio.sleep(0)
            return ()

    assert build(Asynchronous(), Transition.CREATED) == {PATH: {"total": 7, "event": "awaited"}}
    assert removed(Asynchronous()) == {}


def test_an_asynchronous_generator_hook_runs_to_its_end() -> None:
    class Asynchronous(Receipts):
        async def on_write(self, source: Invoice) -> AsyncIterator[Any]:  # pyright: ignore
            await asyncio.sleep(0)
            yield self.receipt(source, "awaited")

    assert build(Asynchronous(), Transition.CREATED) == {PATH: {"total": 7, "event": "awaited"}}


def test_a_hook_that_raises_is_named() -> None:
    class Broken(Receipts):
        def on_update(self, source: Invoice) -> Documents:
            raise ZeroDivisionError("no customers")

    with pytest.raises(
        BuildError, match=r"^Broken\.on_update raised ZeroDivisionError: no customers$"
    ):
        build(Broken(), Transition.UPDATED)


def test_a_generator_hook_that_raises_half_way_is_named() -> None:
    class Broken(Receipts):
        def on_write(self, source: Invoice) -> Documents:
            yield self.receipt(source, "first")
            raise KeyError("second")

    with pytest.raises(BuildError, match=r"^Broken\.on_\w+ raised KeyError"):
        build(Broken(), Transition.CREATED)


def test_a_coroutine_hook_that_raises_is_named() -> None:
    class Broken(Receipts):
        async def on_delete(self, path: str) -> Documents:  # pyright: ignore
            raise ValueError(path)

    with pytest.raises(BuildError, match=r"^Broken\.on_delete raised ValueError: invoices/i"):
        removed(Broken())


def test_a_permanent_error_of_a_hook_stays_what_it_is() -> None:
    class Picky(Receipts):
        def on_write(self, source: Invoice) -> Documents:
            raise MissingDocument("rates/today", "Picky")

    with pytest.raises(MissingDocument, match="rates/today"):
        build(Picky(), Transition.CREATED)


def test_a_hook_that_returns_what_is_no_document_is_refused() -> None:
    class Wrong(Receipts):
        def on_write(self, source: Invoice) -> Documents:
            return [{"total": 7}]  # pyright: ignore

    with pytest.raises(BuildError, match=r"^Wrong\.on_\w+ raised"):
        build(Wrong(), Transition.CREATED)


def test_a_sink_refuses_ids_that_firestore_refuses() -> None:
    with pytest.raises(InvalidPath, match="'invoice'"):
        Receipts.sink.document({}, customer="c", invoice="a/b")
    with pytest.raises(InvalidPath, match="'invoice'"):
        Receipts.sink.document({}, customer="c")


def test_a_sink_that_names_a_collection_is_refused() -> None:
    with pytest.raises(DeclarationError, match="'receipts' names a collection"):
        DocumentSink("receipts")


def test_a_mediator_without_a_source_is_refused() -> None:
    with pytest.raises(DeclarationError, match="Sourceless needs `source"):

        class Sourceless(Mediator):
            sink = DocumentSink("receipts/{id}")

            def on_write(self, source: Invoice) -> Documents:
                return None


def test_a_mediator_whose_source_is_no_model_is_refused() -> None:
    with pytest.raises(DeclarationError, match="a DomainModel class"):

        class Sourceless(Receipts):
            source = "invoices"  # pyright: ignore


def test_a_mediator_without_a_sink_is_refused() -> None:
    with pytest.raises(DeclarationError, match="Sinkless needs `sink"):

        class Sinkless(Mediator):
            source = Invoice

            def on_write(self, source: Invoice) -> Documents:
                return None


def test_a_mediator_without_a_hook_is_refused() -> None:
    with pytest.raises(DeclarationError, match="Idle defines none of on_create, on_update"):

        class Idle(Mediator):
            source = Invoice
            sink = DocumentSink("receipts/{id}")


@pytest.mark.parametrize("name", ["a/b", "a~b"])
def test_a_name_that_cannot_be_part_of_a_ledger_id_is_refused(name: str) -> None:
    with pytest.raises(DeclarationError, match="name"):
        type("Named", (Receipts,), {"name": name})().definition()


def test_a_definition_names_the_mediator_its_source_and_its_sink() -> None:
    definition: Definition = EveryHook().definition()

    assert definition.name == "EveryHook"
    assert definition.source_collections() == {PathTemplate("invoices")}
    assert definition.targets == (PathTemplate("customers/{customer}/receipts/{invoice}"),)


def test_a_view_mediator_of_what_is_no_view_is_refused() -> None:
    with pytest.raises(DeclarationError, match="needs a ViewModel class"):
        ViewMediator(Invoice)  # pyright: ignore


# What would fail at every event is refused at import


class Bill(DomainModel, collection="bills"):
    total: int = 0
    seen: bool = False


def billing(**declared: Any) -> type[Mediator]:
    """A mediator of bills."""

    def on_write(self: Mediator, source: Bill) -> Documents:
        return None

    body = {"source": Bill, "sink": DocumentSink("billed/{id}"), "on_write": on_write}
    return type("Billing", (Mediator,), {"__module__": __name__} | body | declared)


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ({"on_write": lambda self: None}, r"on_write is called as on_write\(source\)"),
        ({"on_create": lambda self, a, b: None}, r"on_create is called as on_create\(source\)"),
        ({"on_delete": lambda self: None}, r"on_delete is called as on_delete\(path\)"),
        ({"on_write": staticmethod(lambda self, source: None)}, "on_write is called as"),
        ({"on_create": 7}, "on_create must be a function that is called for each change; it is 7"),
        ({"isolation": "serialisable"}, "isolation must be one of"),
        ({"mode": "task", "done": "processed"}, "done is now `mark = 'field'`"),
        ({"mode": "task", "mark": 7}, "mark is the name of a field, or None"),
        ({"mark": "seen"}, "only a task is marked"),
        ({"mode": "task", "mark": "seen"}, "has the field 'seen'"),
        ({"sends": TopicSink("bills")}, "takes a list of sinks"),
        ({"name": "__Billing"}, "does not begin with '__'"),
        ({"name": "B" * 201}, "at most 200 bytes"),
        ({"name": "\ud800"}, "must be text"),
    ],
)
def test_what_no_event_could_be_handled_with_is_refused(
    declared: dict[str, Any], problem: str
) -> None:
    with pytest.raises(DeclarationError, match=problem):
        billing(**declared)


@pytest.mark.parametrize(
    "hook",
    [
        lambda self, source: None,
        lambda self, source, more=1: None,
        lambda *arguments: None,
        staticmethod(lambda source: None),
        classmethod(lambda cls, source: None),
    ],
)
def test_a_hook_that_can_be_called_is_allowed(hook: Any) -> None:
    billing(on_write=hook)().definition()


@pytest.mark.parametrize("name", ["", "__at__", "x" * 1501, "\ud800"])
def test_a_mark_that_no_document_can_have_is_refused(name: Any) -> None:
    with pytest.raises(DeclarationError, match="the mark of Billing"):
        billing(mode="task", mark=name)


@pytest.mark.parametrize("variable", ["fields", "self", "class", "path", "params", "template"])
def test_a_variable_of_a_sink_may_have_any_name(variable: str) -> None:
    sink = DocumentSink(f"billed/{{{variable}}}")

    assert sink.document({"a": 1}, **{variable: "x"}).path == "billed/x"


def test_content_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(BuildError, match="takes a mapping of stored field names, got a Bill"):
        DocumentSink("billed/{id}").document(Bill(total=1), id="x")  # pyright: ignore


def built(hook: Any) -> Any:
    definition = billing(on_write=hook)().definition()
    store = definition.store()
    store.put("source", Bill(doc_id="b"))
    return definition.build(store, Transition.UPDATED)


def test_one_document_needs_no_list() -> None:
    assert built(lambda self, source: self.sink.document({"a": 1}, id="x")) == {
        "billed/x": {"a": 1}
    }


def test_two_contents_of_one_document_are_refused() -> None:
    def twice(self: Any, source: Bill) -> Any:
        return [self.sink.document({"a": n}, id="x") for n in range(2)]

    with pytest.raises(BuildError, match="billed/x was returned twice"):
        built(twice)


def test_a_coroutine_is_run_to_its_end_where_a_loop_runs() -> None:
    async def hook(self: Any, source: Bill) -> Any:
        await asyncio.sleep(0)
        return self.sink.document({"a": 1}, id="x")

    async def event() -> Any:
        return built(hook)

    assert asyncio.run(event()) == {"billed/x": {"a": 1}}
