"""`ViewMediator`: a view model as it is, from its sources to its documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from onto_fn.errors import DeclarationError
from onto_fn.messaging.sinks import Sink, sink_names
from onto_fn.views import Definition, ViewModel, ViewModelType
from onto_fn.views.definition import mode_of


class ViewMediator:
    """Keeps the documents of one view model; needs no code beyond naming it.

    Source: every collection that the view's store reads. Processor: the view model. Sink: the
    documents at the view's path.

    Args:
        view: the view model.
        mode: `"materialise"` (default): exactly once, by the ledger. `"direct"`: at least once,
            without a ledger, cheaper; only for views that read nothing but their root.
        sends: each change of one of the view's documents sends one message to each of these
            sinks; not in mode `"direct"`.

    Example: `ViewMediator(MeetingSession, sends=[TopicSink("meeting-sessions")])`

    Raises:
        DeclarationError: `view` is not a view model, its store is not for that mode, or what is in
            `sends` cannot send.
    """

    def __init__(
        self,
        view: type[ViewModel[Any]],
        *,
        mode: Literal["materialise", "direct", "query"] = "materialise",
        sends: Sequence[Sink] = (),
    ) -> None:
        if not (isinstance(view, type) and issubclass(view, ViewModel)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DeclarationError(f"ViewMediator needs a ViewModel class, got {view!r}")
        self.view = view
        self.sends = tuple(sends)
        chosen = mode_of(mode)
        names = sink_names(self.sends, mode=chosen, owner=view.__name__)
        self._definition = replace(ViewModelType.definition(view), mode=chosen, sends=names)
        if chosen == "direct" and self._definition.consistency == "eventual":
            raise DeclarationError(
                f"{view.__name__}: consistency='eventual' needs the ledger, but mode='direct' has "
                "none; leave one out"
            )
        if chosen == "direct" and len(self._definition.store.reads()) > 1:
            raise DeclarationError(
                f"{view.__name__} reads more than its root; without a ledger, changes to the other "
                "documents would not find it. Use the default mode"
            )

    def definition(self) -> Definition:
        """What the engine needs to know."""
        return self._definition
