"""Mistakes that only show when all definitions are seen together."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import combinations

from onto_fn.engine.records.ledger import OWN_COLLECTIONS
from onto_fn.errors import DeclarationError
from onto_fn.firestore import PathTemplate
from onto_fn.models import DomainModel
from onto_fn.requests.decide import RequestDocument
from onto_fn.views import Definition, ViewDocument


def check_graph(definitions: Sequence[Definition]) -> None:
    """Refuse definitions that write the same path, form a cycle, or write what is not theirs.

    The last are onto_fn's own collections, and those of domain models, in which a mediator may own
    fields only.

    Raises:
        DeclarationError: the message names the definitions and the way out.
    """
    _check_own_collections(definitions)
    _check_targets(definitions)
    _check_tasks(definitions)
    _check_cycles(definitions)
    _check_domain(definitions)


def _check_own_collections(definitions: Sequence[Definition]) -> None:
    for definition in definitions:
        models = {read.model.template() for read in definition.store.reads().values()}
        templates = [*definition.targets, *models]
        for template in templates:
            if OWN_COLLECTIONS & set(template.segments):
                raise DeclarationError(
                    f"{definition.name} uses {template.text!r}, a collection that onto_fn "
                    "reserves; choose another name"
                )


def _check_targets(definitions: Sequence[Definition]) -> None:
    for index, first in enumerate(definitions):
        for second in definitions[index + 1 :]:
            if first.mode == second.mode == "task":
                continue  # what tasks write is not theirs to delete
            for mine in first.targets:
                for theirs in second.targets:
                    if mine.overlaps(theirs) and not _share(first, second):
                        if set(first.owns) & set(second.owns):
                            both = ", ".join(sorted(set(first.owns) & set(second.owns)))
                            raise DeclarationError(
                                f"{first.name} and {second.name} both own {both} of {mine.text!r}: "
                                "each would overwrite the other. Let only one of them own it"
                            )
                        raise DeclarationError(
                            f"{first.name} and {second.name} can both write "
                            f"{mine.text!r} / {theirs.text!r}, and each would delete the other's "
                            "documents; change the path of one of them"
                        )


def _share(first: Definition, second: Definition) -> bool:
    """Whether two definitions may write to one document: neither touches what the other has."""
    if first.owns and second.owns:
        return not set(first.owns) & set(second.owns)
    # What a task (or a form) creates is nobody's then, as any domain document.
    return (bool(first.owns) and second.mode == "task") or (
        bool(second.owns) and first.mode == "task"
    )


def _check_domain(definitions: Sequence[Definition]) -> None:
    """Domain documents are the truth: nothing that is computed may take their place."""
    for definition in definitions:
        if definition.mode == "task" or definition.whole or not definition.declared_in:
            continue  # what a task creates is a domain document; `whole` says that it is none
        for target in definition.targets:
            for model in _domain_models(definitions, definition):
                if model.template().overlaps(target.parent):
                    _check_ownership(definition, target, model)


def _check_ownership(
    definition: Definition, target: PathTemplate, model: type[DomainModel]
) -> None:
    if not definition.owns:
        raise DeclarationError(
            f"{definition.name} writes {target.text!r}, which holds documents of {model.__name__}: "
            "it would replace them, and delete them with its source. Choose another path. A "
            f"mediator may own some of their fields, `DocumentSink({target.text!r}, fields=[…])`, "
            "or whole documents that nothing else writes, `whole=True`. Read the documents of a "
            "view as `View.Document`"
        )
    for name in definition.owns:
        info = model.model_fields.get(name)
        if info is not None and info.alias not in (None, name):
            raise DeclarationError(
                f"{definition.name} owns {name!r} of {target.text!r}, which {model.__name__} "
                f"stores as {info.alias!r}; use that name"
            )


def _domain_models(
    definitions: Sequence[Definition], definition: Definition
) -> set[type[DomainModel]]:
    """The domain models that the app reads, and those declared where a definition is."""
    read = {model for other in definitions for model in other.store.models()}
    modules = {definition.declared_in}.union(m.__module__ for m in definition.store.models())
    declared = {
        model for model in DomainModel.family() if model.is_stored() and model.__module__ in modules
    }
    return {
        model for model in read | declared if not issubclass(model, (ViewDocument, RequestDocument))
    }


def _check_tasks(definitions: Sequence[Definition]) -> None:
    """Two tasks of one document: the second would take the mark of the first as its own."""
    tasks = [definition for definition in definitions if definition.mode == "task"]
    for first, second in combinations(tasks, 2):
        if not first.root_collection.overlaps(second.root_collection):
            continue
        if not _share_documents(first.store.root().model, second.store.root().model):
            continue
        if None in {first.done.field, second.done.field} or first.done == second.done:
            raise DeclarationError(
                f"{first.name} and {second.name} are both tasks of {first.root_collection.text!r}, "
                "so a document that one has processed would count as processed for the other. Give "
                "each its own mark, `mark = '…'`, or make them one mediator"
            )


def _share_documents(first: type[DomainModel], second: type[DomainModel]) -> bool:
    """Whether a document can be of both classes."""
    if not first.narrows_collection() and not second.narrows_collection():
        return True
    kinds = [{member.__obj_type__ for member in model.family()} for model in (first, second)]
    return bool(kinds[0] & kinds[1])


def _check_cycles(definitions: Sequence[Definition]) -> None:
    """A view whose documents are, in the end, its own source would trigger itself for ever (G8)."""
    feeds = {
        first.name: [second.name for second in definitions if _feeds(first, second)]
        for first in definitions
    }
    try:
        TopologicalSorter(feeds).prepare()
    except CycleError as error:
        # graphlib goes from what comes later to what comes before.
        cycle = " -> ".join(reversed(error.args[1]))
        raise DeclarationError(
            f"views feed each other in a cycle: {cycle}. Each would rebuild the next without end; "
            "let one of them read the domain models instead"
        ) from error


def _feeds(first: Definition, second: Definition) -> bool:
    sources = second.source_collections()
    sources |= {aggregate.shape.collection for aggregate in second.store.aggregates()}
    return any(target.parent.overlaps(source) for target in first.targets for source in sources)
