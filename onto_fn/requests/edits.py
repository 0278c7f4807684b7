"""Finds the nested keys of a document that a changed object changes, and no others.

Three values are compared at every depth: what is stored, what the object was when it was read, and
what it is now. The last two have only what the model declares (and keeps); where they do not
differ, the document keeps what it has: undeclared fields, explicit nulls, a number of another type,
a reference into another database.

A list is written as a whole, since Firestore has no path to one item. Each of its items keeps what
is stored of it and not declared, wherever in the list it is now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel

from onto_fn.firestore.canonical import canonical, ordered
from onto_fn.firestore.documents import Document, Fields, Reference, Value
from onto_fn.firestore.native import key_text, native
from onto_fn.models.content import Made, embedded_content
from onto_fn.models.domain import METADATA_FIELDS, DomainModel
from onto_fn.models.embedded import copied_from
from onto_fn.models.stored_names import stored_names

GONE: Any = object()
"""In place of a value: the key is removed."""

Path = tuple[str, ...]
Edits = dict[Path, Value]


@dataclass(frozen=True)
class _Was:
    """A map in an object when it was read, and what was stored there."""

    source: object  # kept, so that its id stays its own
    before: Mapping[Any, Value]
    stored: Value


class Original:
    """An object's content when it was read.

    Args:
        stored: the document's fields.
        content: the object's content.
        sources: the objects that the maps in it were made from; see `content_of`.
    """

    def __init__(self, stored: Fields, content: Fields, sources: Made) -> None:
        self._stored = stored
        self._content = content
        self._sources = sources
        self._known: dict[int, _Was] = {}
        self._note(stored, content, sources)

    def edits(self, content: Fields, sources: Made) -> Edits:
        """The nested keys at which a later content differs, with their new values."""
        found: Edits = {}
        self._compare((), self._stored, self._content, content, sources, found)
        return found

    def _note(self, stored: Value, content: Value, sources: Made) -> None:
        """Remember what was stored of each object, however deep."""
        if isinstance(content, Mapping):
            maps = cast("Mapping[Any, Value]", content)
            source = sources.get(id(maps))
            if source is not None:
                self._known[id(source)] = _Was(source, maps, stored)
            at = (
                _texts(cast("Fields", stored))
                if isinstance(stored, Mapping)
                else dict[str, Value]()
            )
            for key, item in maps.items():
                self._note(at.get(key_text(key)), item, sources)
        elif isinstance(content, list | tuple):
            items = cast("Sequence[Value]", content)
            if isinstance(stored, list) and len(cast("list[Value]", stored)) == len(items):
                for item, place in zip(items, cast("list[Value]", stored), strict=True):
                    self._note(place, item, sources)

    def _was(self, value: Value, sources: Made) -> _Was | None:
        """What is known of the object that a map is made from, or that it is a copy of."""
        source = sources.get(id(value))
        while source is not None:
            known = self._known.get(id(source))
            if known is not None:
                return known
            source = copied_from(source)
        return None

    def _compare(
        self,
        path: Path,
        stored: Value,
        before: Value,
        after: Value,
        sources: Made,
        found: Edits,
    ) -> None:
        if _same(before, after):
            return
        if stored is None:
            stored = {}  # what the object has is its defaults
        known = self._was(after, sources)
        is_moved = known is not None and known.before is not before
        if is_moved or not _are_maps(stored, before, after):
            found[path] = self._merged(stored, before, after, sources)
            return
        was, now = _texts(before), _texts(after)
        below: Edits = {}
        for key in [*was, *(key for key in now if key not in was)]:
            if key not in now:
                below[(key,)] = GONE
            elif key not in was:
                below[(key,)] = self._merged(None, None, now[key], sources)
            else:
                self._compare((key,), stored.get(key), was[key], now[key], sources, below)
        for key in self._outdated(stored, before, after, sources):
            if key not in was and key not in now:
                below[(key,)] = GONE
        made = applied(stored, below)
        legible = self._legible(made, after, sources)
        if legible is not made:
            for key in {*made, *legible}:
                if key not in legible:
                    below = {place: item for place, item in below.items() if place[0] != key}
                    below[(key,)] = GONE
                elif key not in made:
                    below[(key,)] = legible[key]
        found |= {(*path, *place): item for place, item in below.items()}

    def _legible(self, made: Fields, after: Fields, sources: Made) -> Fields:
        """A map that is read as the object that it is stored for, with all of it that can stay.

        A key that is not in the object may be read in the place of one that is: a validator or an
        alias takes it. It goes, as its value is in the object. And where the map was not stored,
        a key that is not either has the default of its class, not of the field that holds it.
        """
        source = sources.get(id(after))
        if not isinstance(source, BaseModel):
            return made
        wanted = _contents(source)
        whole = {**{k: self._merged(None, None, v, sources) for k, v in after.items()}, **made}
        whole = _texts(whole)
        for tried in (made, whole):
            if _read_again(source, tried) == wanted:
                return tried
            kept = tried
            for key in sorted(tried.keys() - _texts(after).keys() - METADATA_FIELDS):
                less = {name: item for name, item in kept.items() if name != key}
                if _read_again(source, less) != _read_again(source, kept):
                    kept = less
            if _read_again(source, kept) == wanted:
                return kept
        return made

    def _outdated(self, stored: Fields, before: Value, after: Value, sources: Made) -> set[str]:
        """What is stored of an object that is of another class now, and does not belong to that.

        These are fields of the former class (one that was stored as null is not in its content),
        and whatever else there is if the new class would read it as its own, or refuse it.
        """
        old, new = self._sources.get(id(before)), sources.get(id(after))
        if type(old) is type(new) or not isinstance(old, BaseModel):
            return set()
        if new is None and self._is_read_as(before, after):
            return set()
        if not isinstance(new, BaseModel) or new.model_config.get("extra") in {"allow", "forbid"}:
            return set(stored)
        former = set(stored_names(type(old)).values())
        return (former & stored.keys()) - set(stored_names(type(new)).values())

    def _is_read_as(self, before: Value, after: Value) -> bool:
        """Whether a map that was put in the place of an object is read as one of its class."""
        source = self._sources.get(id(before))
        return (
            isinstance(source, BaseModel)
            and isinstance(after, Mapping)
            and _read_again(source, cast("Fields", after)) is not None
        )

    def _merged(self, stored: Value, before: Value, after: Value, sources: Made) -> Value:
        """What `after` is stored as, with all that is stored beside what `before` had."""
        known = self._was(after, sources)
        if known is not None:
            stored, before = known.stored, known.before
        if before is not None and stored is not None and _same(before, after):
            return stored
        if isinstance(after, Mapping):
            return self._merged_map(stored, before, cast("Fields", after), sources)
        if isinstance(after, set | frozenset):
            return _merged_set(stored, before, cast("set[Value]", after))
        if isinstance(after, list | tuple):
            return self._merged_list(stored, before, cast("Sequence[Value]", after), sources)
        return after

    def _merged_map(self, stored: Value, before: Value, after: Fields, sources: Made) -> Value:
        now = _texts(after)
        if not _are_maps(stored, before):
            return {key: self._merged(None, None, item, sources) for key, item in now.items()}
        was = _texts(before)
        gone = was.keys() | self._outdated(stored, before, after, sources)
        kept = {key: item for key, item in stored.items() if key in now or key not in gone}
        for key, item in now.items():
            if key not in was:
                kept[key] = self._merged(None, None, item, sources)
            elif key in stored or not _same(was[key], item):
                kept[key] = self._merged(stored.get(key), was[key], item, sources)
        return self._legible(kept, after, sources)

    def _merged_list(
        self, stored: Value, before: Value, after: Sequence[Value], sources: Made
    ) -> Value:
        places: Sequence[Value] = cast("list[Value]", stored) if isinstance(stored, list) else []
        items: Sequence[Value] = (
            cast("Sequence[Value]", before) if isinstance(before, list | tuple) else []
        )
        if len(places) != len(items):
            places = items = []
        claimed = {
            id(was.before) for item in after if (was := self._was(item, sources)) is not None
        }
        free = [i for i, item in enumerate(items) if id(item) not in claimed]
        rest = [i for i, item in enumerate(after) if self._was(item, sources) is None]
        kinds = [type(self._sources.get(id(item))) for item in items]
        now = [type(sources.get(id(item))) for item in after]

        def are_of_one_class(i: int, j: int) -> bool:
            return kinds[i] is now[j] or (i == j and self._is_read_as(items[i], after[j]))

        origins = _matched(items, free, after, rest, are_of_one_class)
        merged: list[Value] = []
        for index, item in enumerate(after):
            origin = origins.get(index)
            if origin is None:
                merged.append(self._merged(None, None, item, sources))
            else:
                merged.append(self._merged(places[origin], items[origin], item, sources))
        return merged


def applied(fields: Fields, edits: Edits) -> dict[str, Value]:
    """The fields of a document after edits; the fields themselves stay as they are."""
    result = dict(fields)
    for path, value in edits.items():
        *parents, last = path
        target = result
        for name in parents:
            below: Value = target.get(name)
            inner = (
                _texts(cast("Fields", below)) if isinstance(below, Mapping) else dict[str, Value]()
            )
            target[name] = inner
            target = inner
        if value is GONE:
            target.pop(last, None)
        else:
            target[last] = value
    return result


def conflict(first: Edits, second: Edits) -> Path | None:
    """A place at which two sets of edits of one document do not agree."""
    for path, value in second.items():
        for other, its in first.items():
            shorter = min(len(path), len(other))
            if path[:shorter] != other[:shorter]:
                continue
            if len(path) != len(other) or not _agree(value, its):
                return path
    return None


def _read_again(source: BaseModel, fields: Fields) -> tuple[str, frozenset[str]] | None:
    """What an object of that class has if it is read from a map; None if it cannot be."""
    try:
        if isinstance(source, DomainModel):
            document = Document(source.doc_ref.path, fields, None)
            return _contents(type(source).from_document(document))
        return _contents(type(source).model_validate(fields))
    except Exception:  # of a validator of the application's; the document is checked as a whole
        return None


def _contents(model: BaseModel) -> tuple[str, frozenset[str]]:
    # An undeclared field can hide a declared one of the same stored name.
    return canonical(embedded_content(model)), frozenset(model.model_extra or ())


def _agree(first: Value, second: Value) -> bool:
    if first is GONE or second is GONE:
        return first is second
    return _same(first, second)


def _same(first: Value, second: Value) -> bool:
    # An integer that is read into a float and set to the same number has not changed.
    return first is second or canonical(first) == canonical(second)


def _are_maps(*values: Value) -> bool:
    return all(isinstance(value, Mapping) for value in values)


def _texts(value: Mapping[Any, Value]) -> dict[str, Value]:
    return {key_text(key): item for key, item in value.items()}


def _matched(
    items: Sequence[Value],
    free: list[int],
    after: Sequence[Value],
    rest: list[int],
    are_of_one_class: Callable[[int, int], bool],
) -> dict[int, int]:
    """For items of a list that are no objects known before, the earlier item of each, if any.

    First those that are equal, at the same place if there is one, then, if as many are left on both
    sides, one after the other: code that changes an item may well have made a new object of it. It
    is another item if no text or reference of it is the same.
    """
    by_text: dict[str, list[int]] = {}
    for i in free:
        by_text.setdefault(canonical(items[i]), []).append(i)
    texts = {j: canonical(after[j]) for j in rest}
    origins = {j: j for j in rest if j in by_text.get(texts[j], ()) and are_of_one_class(j, j)}
    taken = set(origins)
    for j in rest:
        same = by_text.get(texts[j], ()) if j not in origins else ()
        i = next((i for i in same if i not in taken and are_of_one_class(i, j)), None)
        if i is not None:
            origins[j] = i
            taken.add(i)
    left, new = [i for i in free if i not in taken], [j for j in rest if j not in origins]
    if len(left) == len(new):
        pairs = zip(new, left, strict=True)
        origins |= {
            j: i for j, i in pairs if are_of_one_class(i, j) and _is_alike(items[i], after[j])
        }
    return origins


def _is_alike(first: Value, second: Value) -> bool:
    if not _are_maps(first, second):
        return False
    was, now = _texts(first), _texts(second)
    shared = was.keys() & now.keys()
    named = {key for key in shared if isinstance(native(now[key]), str | Reference)}
    return len(shared) == 1 or any(_same(was[key], now[key]) for key in named or shared)


def _merged_set(stored: Value, before: Value, after: set[Value] | frozenset[Value]) -> Value:
    """A set keeps the order, and the types of numbers, of what is stored."""
    if not isinstance(stored, list) or not isinstance(before, set | frozenset):
        return ordered(after)
    texts = {canonical(item): item for item in after}
    kept = [item for item in cast("list[Value]", stored) if canonical(item) in texts]
    known = {canonical(item) for item in kept}
    return [*kept, *(item for item in ordered(after) if canonical(item) not in known)]
