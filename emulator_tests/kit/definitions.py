"""Definitions that keep count of their builds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from onto_fn import Store
from onto_fn.views import BuiltDocuments, Definition, Transition


@dataclass
class Builds:
    """The builds of a definition: what each made."""

    made: list[BuiltDocuments | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.made)


def counted(definition: Definition) -> tuple[Definition, Builds]:
    """The definition, and the builds that it has made so far."""
    builds = Builds()

    def build(store: Store, transition: Transition) -> BuiltDocuments | None:
        documents = definition.build(store, transition)
        builds.made.append(documents)
        return documents

    return replace(definition, build=build), builds


def during_build(definition: Definition, action: Callable[[], Any]) -> Definition:
    """The definition, with an action that happens once, while it builds."""
    actions = [action]

    def build(store: Store, transition: Transition) -> BuiltDocuments | None:
        if actions:
            actions.pop()()
        return definition.build(store, transition)

    return replace(definition, build=build)
