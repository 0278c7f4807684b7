"""Mistakes that only show when all definitions are seen together."""

from __future__ import annotations

from collections.abc import Sequence

from onto_fn.engine.ledger import OWN_COLLECTIONS
from onto_fn.errors import DeclarationError
from onto_fn.views import Definition


def check_graph(definitions: Sequence[Definition]) -> None:
    """Refuse definitions that write the same path, form a cycle, or use onto_fn's collections.

    Raises:
        DeclarationError: the message names the definitions and the way out.
    """
    _check_own_collections(definitions)
    _check_targets(definitions)
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
