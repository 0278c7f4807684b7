"""Mistakes that only show when all definitions are seen together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from onto_fn.engine.ledger import OWN_COLLECTIONS
from onto_fn.errors import DeclarationError
from onto_fn.models import DomainModel
from onto_fn.views import Definition


def check_graph(definitions: Sequence[Definition]) -> None:
    """Refuse definitions that write the same path, form a cycle, or use onto_fn's collections.

    Raises:
        DeclarationError: the message names the definitions and the way out.
    """
    _check_own_collections(definitions)
    _check_targets(definitions)
    _check_tasks(definitions)
    _check_cycles(definitions)


def _check_own_collections(definitions: Sequence[Definition]) -> None:
    for definition in definitions:
        models = {read.model.template() for read in definition.store.reads().values()}
        templates = [*definition.targets, *models]
        for template in templates:
            if OWN_COLLECTIONS & set(template.segments):
                raise DeclarationError(
                    f"{definition.name} uses {template.text!r}, a collection that onto_fn keeps "
                    "for itself; choose another name"
                )


def _check_targets(definitions: Sequence[Definition]) -> None:
    for index, first in enumerate(definitions):
        for second in definitions[index + 1 :]:
            if first.mode == second.mode == "task":
                continue  # what tasks write is not theirs to delete
            for mine in first.targets:
                for theirs in second.targets:
                    if mine.overlaps(theirs):
                        raise DeclarationError(
                            f"{first.name} and {second.name} can both write "
                            f"{mine.text!r} / {theirs.text!r}, and each would delete the other's "
                            "documents; give one of them another path"
                        )


def _check_tasks(definitions: Sequence[Definition]) -> None:
    """Two tasks of one document: the mark of the first would tell the second that it is done."""
    tasks = [definition for definition in definitions if definition.mode == "task"]
    for first, second in combinations(tasks, 2):
        if not first.root_collection.overlaps(second.root_collection):
            continue
        if not _share_documents(first.store.root().model, second.store.root().model):
            continue
        if None in {first.done.field, second.done.field} or first.done == second.done:
            raise DeclarationError(
                f"{first.name} and {second.name} are both tasks of {first.root_collection.text!r}, "
                "and a document that one has processed would be done for the other. Give each "
                "`done = TaskDone.set_field(…)` with a field of its own, or make them one mediator"
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
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if name in trail:
            cycle = " -> ".join((*trail[trail.index(name) :], name))
            raise DeclarationError(
                f"views feed each other in a cycle: {cycle}. Each would rebuild the next for "
                "ever; let one of them read the domain models instead"
            )
        if name in done:
            return
        for following in feeds[name]:
            visit(following, (*trail, name))
        done.add(name)

    for definition in definitions:
        visit(definition.name, ())


def _feeds(first: Definition, second: Definition) -> bool:
    sources = second.source_collections()
    sources |= {aggregate.shape.collection for aggregate in second.store.aggregates()}
    return any(target.parent.overlaps(source) for target in first.targets for source in sources)
