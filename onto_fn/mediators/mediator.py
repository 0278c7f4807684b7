"""`Mediator`: a processor in Python between a source collection and the documents it keeps."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast, get_args

from onto_fn.errors import BuildError, DeclarationError, PermanentError
from onto_fn.firestore import PathTemplate
from onto_fn.firestore.documents import Value
from onto_fn.firestore.paths import check_name
from onto_fn.mediators.sinks import Sink, sink_names
from onto_fn.models import DomainModel
from onto_fn.models.reserved import check_members
from onto_fn.store import Store, root
from onto_fn.views import Definition, Mode, TaskDone, Transition
from onto_fn.views.definition import Isolation, fingerprint

Documents = Iterable["SinkDocument"] | None


@dataclass(frozen=True)
class SinkDocument:
    """One document of a sink: where and what."""

    path: str
    fields: Mapping[str, Value]


class DocumentSink:
    """Documents at a path template.

    Args:
        path: template such as `"summaries/{meeting_id}"`.
    """

    def __init__(self, path: str) -> None:
        self.template = PathTemplate(path)
        if not self.template.is_document:
            raise DeclarationError(f"the sink {path!r} names a collection, not documents")

    def document(self, fields: Mapping[str, Value], **params: str) -> SinkDocument:
        """A document of this sink.

        Raises:
            InvalidPath: a variable of the path is missing or not allowed.
        """
        return SinkDocument(self.template.render(params), fields)


_OPTIONS = ("source", "sink", "name", "version", "mode", "done", "isolation", "sends")


class Mediator:
    """Keeps documents that are computed from one source document each, by Python hooks.

    Declare `source`, a domain model, and `sink`. The hooks are called with the source as it is
    now, once for each version that is materialised: duplicates and stale events call none, and a
    burst of changes may be seen as one. What a hook returns replaces all that the mediator wrote
    for this source before; None leaves it as it is. A hook may run again if its commit loses a
    race, so it must not have effects of its own. Hooks may be
    coroutines or asynchronous generators; they are run to the end.

    Modes (`mode`):
        "materialise": the default, as above; by the ledger, exactly once.
        "task": the source is a request. `on_create` (or `on_write`) is called once for each, its
            documents stay, and the request is marked in the same commit, as `done` says: deleted
            (`TaskDone.delete()`, the default) or a field set (`TaskDone.set_field("processed")`).
            A marked request is never processed again; a refused one has its dead letter. Of two
            tasks on one collection, each needs a field of its own.
        "query": at least once, without a ledger: one read, one commit. Two changes at the same
            time may end in either order.

    Messages (`sends`): each change of one of its documents sends one message to each of these
        sinks; only in mode "materialise".

    Hooks:
        on_create(source): the source document is new (to this mediator).
        on_update(source): it changed.
        on_write(source): either; called if the more specific hook is not defined.
        on_delete(path): it is gone. By default its documents are deleted.

    Example:
        >>> from onto_fn import DocumentSink, DomainModel, Mediator
        >>> class Order(DomainModel, collection="orders"):
        ...     total: int
        >>> class Receipts(Mediator):
        ...     source = Order
        ...     sink = DocumentSink("receipts/{order_id}")
        ...     def on_create(self, source):
        ...         yield self.sink.document({"total": source.total}, order_id=source.doc_id)

    Raises:
        DeclarationError: at class creation; no source, no sink, or no hook.
    """

    source: ClassVar[type[DomainModel]]
    sink: ClassVar[DocumentSink]
    name: ClassVar[str] = ""
    version: ClassVar[str] = ""
    mode: ClassVar[Mode] = "materialise"
    done: ClassVar[TaskDone] = TaskDone.delete()
    isolation: ClassVar[Isolation] = "snapshot"
    sends: ClassVar[Sequence[Sink]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        check_members(cls, Mediator, "give this another name", free=_OPTIONS)
        source = getattr(cls, "source", None)
        if not (isinstance(source, type) and issubclass(source, DomainModel)):
            raise DeclarationError(f"{cls.__name__} needs `source = …`, a DomainModel class")
        source.template()
        if not isinstance(getattr(cls, "sink", None), DocumentSink):
            raise DeclarationError(f"{cls.__name__} needs `sink = DocumentSink('…')`")
        check_name(cls.name or cls.__name__, what="mediator")
        hooks = ("on_create", "on_update", "on_write", "on_delete")
        if all(getattr(cls, hook) is getattr(Mediator, hook) for hook in hooks):
            raise DeclarationError(f"{cls.__name__} defines none of {', '.join(hooks)}")
        if cls.mode not in get_args(Mode):
            raise DeclarationError(f"{cls.__name__}.mode must be one of {get_args(Mode)}")
        if cls.mode == "task":
            for hook in ("on_update", "on_delete"):
                if getattr(cls, hook) is not getattr(Mediator, hook):
                    raise DeclarationError(
                        f"{cls.__name__} is in task mode, where {hook} is never called: a task is "
                        "processed once. Define on_create"
                    )
        sink_names(cls.sends, mode=cls.mode, owner=cls.__name__)

    def on_create(self, source: Any) -> Any:
        """The source document is new. Returns `Documents`."""
        return self.on_write(source)

    def on_update(self, source: Any) -> Any:
        """The source document changed. Returns `Documents`."""
        return self.on_write(source)

    def on_write(self, source: Any) -> Any:
        """The source document is new or changed. Returns `Documents`."""
        return None

    def on_delete(self, path: str) -> Any:
        """The source document is gone. Returns `Documents` that take the place of all."""
        return ()

    def definition(self) -> Definition:
        """What the engine needs to know."""
        cls = type(self)
        store = type(f"{cls.__name__}Store", (Store,), {"source": root(cls.source)})

        def build(loaded: Store, transition: Transition) -> dict[str, dict[str, Value]] | None:
            source = loaded.loaded("source")
            hook = self.on_create if transition is Transition.CREATED else self.on_update
            return self._run(hook, source)

        def removed(path: str) -> dict[str, dict[str, Value]] | None:
            return self._run(self.on_delete, path)

        return Definition(
            name=cls.name or cls.__name__,
            store=store,
            build=build,
            targets=(cls.sink.template,),
            fingerprint=fingerprint({cls, cls.source}, cls.version),
            removed=removed,
            isolation=cls.isolation,
            mode=cls.mode,
            done=cls.done,
            sends=sink_names(cls.sends, mode=cls.mode, owner=cls.__name__),
        )

    def _run(self, hook: Any, argument: Any) -> dict[str, dict[str, Value]] | None:
        try:
            result = hook(argument)
            if inspect.isawaitable(result):
                result = asyncio.run(_finished(result))
            elif inspect.isasyncgen(result):
                result = asyncio.run(_collected(result))
            if result is None:
                return None
            return {d.path: dict(d.fields) for d in cast("Iterable[SinkDocument]", result)}
        except PermanentError:
            raise
        except Exception as error:
            raise BuildError(
                f"{type(self).__name__}.{hook.__name__} raised {type(error).__name__}: {error}"
            ) from error


async def _finished(awaitable: Any) -> Any:
    return await awaitable


async def _collected(generator: AsyncIterable[Any]) -> list[Any]:
    return [item async for item in generator]
