"""`Registry`: the part of the engine that `operate` uses."""

from __future__ import annotations

from typing import Protocol

from onto_fn.aggregates.spec import AggregateSpec
from onto_fn.attempts import RetryPolicy
from onto_fn.engine.targets.target import Target
from onto_fn.views import Definition


class Registry(Protocol):
    """All targets of an app, by name, and the retry policy; see `Engine`."""

    definitions: dict[str, Definition]
    aggregates: dict[str, AggregateSpec]
    targets: dict[str, Target]
    retry: RetryPolicy

    def target(self, name: str) -> Target:
        """The target of a name.

        Raises:
            DeclarationError: there is none.
        """
        ...
