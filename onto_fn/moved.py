"""Names that were once in `onto_fn`: they keep working for one version, with a warning."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True)
class Place:
    """Where a name is now.

    Attributes:
        module: what it is imported from.
        advice: what to use, if it is not the same name in that module.
    """

    module: str
    advice: str = ""


_GROUPS = {
    "onto_fn.access": ("claim", "members", "owner", "public", "role", "signed_in"),
    "onto_fn.aggregates": ("average", "count", "maximum", "minimum", "total"),
    "onto_fn.editing": ("Database", "Repository", "Write", "edit", "load_view"),
    "onto_fn.errors": ("InvalidDocument", "MissingDocument", "PermanentError", "TransientError"),
    "onto_fn.messaging": ("EndpointSink", "Inbox", "Message", "Receipt", "TopicSink"),
    "onto_fn.observability": ("Change", "Observer", "Outcome", "Result"),
}
PLACES = {name: Place(module) for module, names in _GROUPS.items() for name in names} | {
    "Engine": Place("onto_fn.engine", "use `App.rebuild`, `replay`, `drop` and `letters`"),
    "TaskDone": Place("onto_fn.views", 'use `mark="field"`, or `mark=None` to delete the document'),
}


def moved(name: str) -> object:
    """A name that has moved, with a warning that says where it is."""
    place = PLACES[name]
    advice = place.advice or f"use `from {place.module} import {name}`"
    # The caller is `onto_fn.__getattr__`; its caller should see the warning.
    warnings.warn(f"onto_fn.{name} is deprecated: {advice}", DeprecationWarning, stacklevel=3)
    return getattr(import_module(place.module), name)
