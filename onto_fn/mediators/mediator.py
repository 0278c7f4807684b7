"""`Mediator`: a processor in Python between a source collection and the documents it keeps."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar, cast, get_args

from onto_fn.errors import BuildError, DeclarationError, PermanentError
from onto_fn.firestore import PathTemplate
from onto_fn.firestore.documents import Value
from onto_fn.firestore.paths import check_field_name, check_name
from onto_fn.messaging.sinks import Sink, sink_names
from onto_fn.models import DomainModel
from onto_fn.models.reserved import check_members
from onto_fn.renamed import warn_renamed
from onto_fn.store import Store, root
from onto_fn.views import Definition, Mode, TaskDone, Transition
from onto_fn.views.definition import DeclaredMode, Isolation, fingerprint, mode_of

Documents = Iterable["SinkDocument"] | None


@dataclass(frozen=True)
class SinkDocument:
    """One document of a sink: where and what."""

    path: str
    fields: Mapping[str, Value]


class DocumentSink:
    """Documents at a path template.

    By default they are the mediator's own: it writes them as a whole, and deletes those that it no
    longer makes. In a collection of domain documents it may only own fields: it writes and removes
    these, and leaves all other fields unchanged, even if they change at the same time.

    Args:
        path: template such as `"summaries/{meeting_id}"`.
        fields: names, as they are stored, of the fields that the mediator owns in documents that
            are not its own. A missing document gets them when it is created.
        creates: with `fields`: whether a document that does not exist is created, with no others.
        whole: the documents are the mediator's own although a domain model has their collection:
            the model only reads what this mediator writes, and nobody else writes there.

    Example:
        >>> sink = DocumentSink("users/{user_id}", fields=["orderCount"])
        >>> sink.document({"orderCount": 3}, user_id="ada")
        SinkDocument(path='users/ada', fields={'orderCount': 3})

    Raises:
        DeclarationError: the path names a collection, or the fields are none that can be owned.
    """

    def __init__(
        self,
        path: str,
        *,
        fields: Sequence[str] | None = None,
        creates: bool = False,
        whole: bool = False,
    ) -> None:
        self.template = PathTemplate(path)
        if not self.template.is_document:
            raise DeclarationError(f"the sink {path!r} names a collection, not documents")
        self.fields = _checked_fields(path, fields)
        self.creates = creates
        self.whole = whole
        if not self.fields and creates:
            raise DeclarationError(
                f"the sink {path!r} creates its documents anyway; declare `fields`"
            )
        if self.fields and whole:
            raise DeclarationError(f"the sink {path!r} owns fields or whole documents, not both")

    def document(self, fields: Mapping[str, Value], /, **params: str) -> SinkDocument:
        """A document of this sink.

        Args:
            fields: its content; of a sink with `fields`, some of these. Those left out are removed.
            params: values of the path's variables, by whatever names these have:
                `**{"class": …}` for one that is a word of Python.

        Raises:
            InvalidPath: a variable of the path is missing or not allowed.
            BuildError: the content is no mapping, or the sink does not own one of the fields.
        """
        if not isinstance(fields, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise BuildError(
                f"the sink {self.template} takes a mapping of stored field names, got a "
                f"{type(fields).__name__}"
            )
        others = sorted(fields.keys() - set(self.fields)) if self.fields else []
        if others:
            raise BuildError(
                f"the sink {self.template} owns only {', '.join(self.fields)}; it cannot write "
                f"{', '.join(others)}"
            )
        return SinkDocument(self.template.render(params), fields)


def _checked_fields(path: str, fields: Sequence[str] | None) -> tuple[str, ...]:
    if fields is None:
        return ()
    if isinstance(fields, str) or not fields:
        raise DeclarationError(f"the sink {path!r} needs a list: fields=[…], got {fields!r}")
    for name in fields:
        check_field_name(name, what=f"an owned field of the sink {path!r}")
        if name == "obj_type":
            raise DeclarationError(
                f"the sink {path!r} cannot own 'obj_type', which names the class of a document"
            )
    return tuple(sorted(set(fields)))


_HOOKS = ("on_create", "on_update", "on_write", "on_delete")  # may be static as well
_OPTIONS = ("source", "sink", "name", "version", "mode", "mark", "done", "isolation", "sends")


class Mediator:
    """Keeps documents that are computed from one source document each, by Python hooks.

    Declare `source`, a domain model, and `sink`. The hooks are called with the source as it is now,
    once for each version that is materialised: duplicates and stale events call none, and a burst
    of changes may be seen as one. The documents that a hook returns replace all that the mediator
    wrote for this source before; None leaves them unchanged. A hook may run again if its commit
    loses a race, so it must not have side effects. Hooks may be coroutines or asynchronous
    generators; they are run to the end.

    Modes (`mode`):
        "materialise": the default, as above; by the ledger, exactly once.
        "task": the source is a request. `on_create` (or `on_write`) is called once for each, its
            documents stay, and the request is marked in the same commit: `mark = "processed"` sets
            that field to `{state: "done", at}`, or `{state: "failed", at, reason}`; without a
            `mark` the request is deleted. A marked request is never processed again; a refused one
            has its dead letter. Two tasks on one collection need different marks.
        "direct": at least once, without a ledger: one read, one commit. Two changes at the same
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
    mode: ClassVar[DeclaredMode] = "materialise"
    mark: ClassVar[str | None] = None
    isolation: ClassVar[Isolation] = "snapshot"
    sends: ClassVar[Sequence[Sink]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        check_members(cls, Mediator, "give this another name", free=(*_OPTIONS, *_HOOKS))
        source = getattr(cls, "source", None)
        if not (isinstance(source, type) and issubclass(source, DomainModel)):
            raise DeclarationError(f"{cls.__name__} needs `source = …`, a DomainModel class")
        source.template()
        if not isinstance(getattr(cls, "sink", None), DocumentSink):
            raise DeclarationError(f"{cls.__name__} needs `sink = DocumentSink('…')`")
        check_name(cls.name or cls.__name__, what="mediator")
        if all(getattr(cls, hook) is getattr(Mediator, hook) for hook in _HOOKS):
            raise DeclarationError(f"{cls.__name__} defines none of {', '.join(_HOOKS)}")
        for hook in _HOOKS:
            _check_hook(cls, hook)
        if cls.isolation not in get_args(Isolation):
            raise DeclarationError(f"{cls.__name__}.isolation must be one of {get_args(Isolation)}")
        mode = mode_of(cls.mode)
        if mode not in get_args(Mode):
            raise DeclarationError(f"{cls.__name__}.mode must be one of {get_args(Mode)}")
        _take_old_mark(cls)
        checked_mark(cls.mark, cls.__name__)
        if cls.mark is not None and mode != "task":
            raise DeclarationError(
                f"{cls.__name__} has mark={cls.mark!r}, but only a task is marked; set `mode = "
                "'task'`, or remove `mark`"
            )
        if mode == "task":
            stored = {info.alias or name for name, info in source.model_fields.items()}
            if cls.mark in stored:
                raise DeclarationError(
                    f"{source.__name__} has the field {cls.mark!r}, which is also the mark of "
                    f"{cls.__name__}, so a document created with it would count as processed; "
                    "rename the mark: `mark = '…'`"
                )
            for hook in ("on_update", "on_delete"):
                if getattr(cls, hook) is not getattr(Mediator, hook):
                    raise DeclarationError(
                        f"{cls.__name__} is in task mode, where {hook} is never called: a task is "
                        "processed once. Define on_create"
                    )
        sink_names(cls.sends, mode=mode, owner=cls.__name__)
        if cls.sink.fields and mode == "direct":
            raise DeclarationError(
                f"{cls.__name__} is in mode 'direct', which has no ledger: a document that is "
                "created later would not get its `fields`. Use the default mode"
            )
        if cls.sink.fields and cls.sends:
            raise DeclarationError(
                f"{cls.__name__} owns only fields of its documents, but a message holds a whole "
                "document; remove `sends`"
            )

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

        mode = mode_of(cls.mode)
        return Definition(
            name=cls.name or cls.__name__,
            store=store,
            build=build,
            targets=(cls.sink.template,),
            fingerprint=fingerprint({cls, cls.source}, cls.version),
            removed=removed,
            isolation=cls.isolation,
            mode=mode,
            done=TaskDone(cls.mark),
            sends=sink_names(cls.sends, mode=mode, owner=cls.__name__),
            owns=cls.sink.fields,
            creates=cls.sink.creates,
            whole=cls.sink.whole,
            declared_in=cls.__module__,
        )

    def _run(self, hook: Any, argument: Any) -> dict[str, dict[str, Value]] | None:
        try:
            result = hook(argument)
            if inspect.isawaitable(result):
                result = _run_to_end(_finished(result))
            elif inspect.isasyncgen(result):
                result = _run_to_end(_collected(result))
            return None if result is None else _by_path(result)
        except PermanentError:
            raise
        except Exception as error:
            raise BuildError(
                f"{type(self).__name__}.{hook.__name__} raised {type(error).__name__}: {error}"
            ) from error


def checked_mark(mark: object, owner: str) -> str | None:
    """The name of the field that marks a document as processed; None if it is deleted.

    Raises:
        DeclarationError: it is no name, or one that Firestore does not allow.
    """
    if mark is None:
        return None
    if not isinstance(mark, str):
        raise DeclarationError(
            f"{owner}: mark is the name of a field, or None to delete the document, got {mark!r}"
        )
    return check_field_name(mark, what=f"the mark of {owner}")


def _take_old_mark(cls: type[Mediator]) -> None:
    """A mark that is declared as `done = TaskDone…`, as it was once."""
    done = vars(cls).get("done")
    if done is None:
        return
    if not isinstance(done, TaskDone):
        raise DeclarationError(f"{cls.__name__}.done is now `mark = 'field'`, the field's name")
    warn_renamed(
        f"{cls.__name__}.done = TaskDone…",
        f"`mark = {done.field!r}`" if done.field else "no `mark`, and the document is deleted",
        stacklevel=3,
    )
    cls.mark = done.field


def _check_hook(cls: type[Mediator], name: str) -> None:
    """Refuse a hook that could not be called: it would fail at each event.

    Raises:
        DeclarationError: it does not take the mediator and one argument.
    """
    hook: Any = getattr(cls, name)
    if not callable(hook):
        raise DeclarationError(
            f"{cls.__name__}.{name} must be a function that is called for each "
            f"change; it is {hook!r}"
        )
    is_method = inspect.isfunction(inspect.getattr_static(cls, name))
    try:
        signature = inspect.signature(hook)
    except (TypeError, ValueError):  # of what is not made in Python, nothing is known
        return
    try:
        signature.bind(*range(2 if is_method else 1))  # a method gets the mediator as well
    except TypeError as error:
        what = "path" if name == "on_delete" else "source"
        raise DeclarationError(
            f"{cls.__name__}.{name} is called as {name}({what}): {error}"
        ) from error


def _by_path(result: Any) -> dict[str, dict[str, Value]]:
    """The content of each document that a hook has made; one needs no list around it."""
    made = [result] if isinstance(result, SinkDocument) else cast("Iterable[object]", result)
    contents: dict[str, dict[str, Value]] = {}
    for document in made:
        if not isinstance(document, SinkDocument):
            raise TypeError(f"{document!r:.200} was returned instead of `self.sink.document(…)`")
        if document.path in contents:
            raise ValueError(f"{document.path} was returned twice; return each document once")
        contents[document.path] = dict(document.fields)
    return contents


def _run_to_end(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine, also if this thread has an event loop that runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


async def _finished(awaitable: Any) -> Any:
    return await awaitable


async def _collected(generator: AsyncIterable[Any]) -> list[Any]:
    return [item async for item in generator]
