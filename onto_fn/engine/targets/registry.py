"""`Registry`: what an app keeps up to date, as the parts that operate it see the engine."""

from __future__ import annotations

from typing import Protocol

from onto_fn.aggregates.spec import AggregateSpec
from onto_fn.engine.targets.target import Target
from onto_fn.events.retry import RetryPolicy
from onto_fn.views import Definition


class Registry(Protocol):
    """All that an app declares, by name, and how often it is tried; see `Engine`."""

    definitions: dict[str, Definition]
    aggregates: dict[str, AggregateSpec]
    targets: dict[str, Target]
    retry: RetryPolicy

    def target(self, name: str) -> Target:
        """What has roots, of a name.

        Raises:
            DeclarationError: there is none.
        """
        ...
