"""`ViewMediator`: a view model as it is, from its sources to its documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from onto_fn.errors import DeclarationError
from onto_fn.mediators.sinks import Sink, sink_names
from onto_fn.views import Definition, ViewModel, ViewModelType


class ViewMediator:
    """Keeps the documents of one view model; needs no code beyond naming it.

    Source: every collection that the view's store reads. Processor: the view model. Sink: the
    documents at the view's path.

    Args:
        view: the view model.
        mode: `"materialise"` (default): exactly once, by the ledger. `"query"`: at least once,
            without a ledger, cheaper; only for views that read nothing but their root.
        sends: each change of one of the view's documents sends one message to each of these
            sinks; not in mode `"query"`.

    Example: `ViewMediator(MeetingSession, sends=[TopicSink("meeting-sessions")])`

    Raises:
        DeclarationError: `view` is not a view model, its store is not for that mode, or what is in
            `sends` cannot send.
    """

    def __init__(
        self,
        view: type[ViewModel[Any]],
        *,
        mode: Literal["materialise", "query"] = "materialise",
        sends: Sequence[Sink] = (),
    ) -> None:
        if not (isinstance(view, type) and issubclass(view, ViewModel)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DeclarationError(f"ViewMediator needs a ViewModel class, got {view!r}")
        self.view = view
        self.sends = tuple(sends)
        names = sink_names(self.sends, mode=mode, owner=view.__name__)
        self._definition = replace(ViewModelType.definition(view), mode=mode, sends=names)
        if mode == "query" and self._definition.consistency == "eventual":
            raise DeclarationError(
                f"{view.__name__}: consistency='eventual' needs the ledger, which mode='query' "
                "does without; leave one out"
            )
        if mode == "query" and len(self._definition.store.reads()) > 1:
            raise DeclarationError(
                f"{view.__name__} reads more than its root, and without a ledger a change to the "
                "rest would not find it; use the default mode"
            )

    def definition(self) -> Definition:
        """What the engine needs to know."""
        return self._definition
