"""Every version of every document, as the emulator's own events tell it.

Times are microseconds since the epoch, Firestore's precision. A document that does not exist has
the content None.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from onto_fn.testing.chaos import RecordedEvent
from onto_fn.testing.chaos.events import microseconds

Fields = dict[str, Any]


@dataclass(frozen=True)
class Ref:
    """A reference to a document."""

    path: str


class Version(NamedTuple):
    """A document from `time` on; `fields` is None if it was deleted then."""

    time: int
    fields: Fields | None


class HistoryGap(Exception):
    """The recording is incomplete: nothing can be concluded from it."""


class History:
    """Versions by document path, in order of time."""

    def __init__(self, versions: Mapping[str, Iterable[Version]]) -> None:
        self.versions = dict(_by_time(versions))
        self._times = {path: [v.time for v in found] for path, found in self.versions.items()}
        self._collections: dict[str, list[str]] = defaultdict(list)
        for path in sorted(self.versions):
            self._collections[path.rpartition("/")[0]].append(path)

    @classmethod
    def of_events(
        cls, events: Iterable[RecordedEvent], deletions: Mapping[str, Iterable[int]]
    ) -> "History":
        """The history in recorded events.

        Args:
            events: in any order, duplicates allowed.
            deletions: when each document was deleted, as no event tells.

        Raises:
            HistoryGap: a version is missing.
        """
        versions: dict[str, dict[int, Fields | None]] = defaultdict(dict)
        replaced: dict[str, set[int | None]] = defaultdict(set)
        deleted: dict[str, set[int]] = defaultdict(set)
        for event in events:
            message = event.message()
            before = _time(message, "old_value")
            after = _time(message, "value")
            if before == after:
                continue
            if after is None:
                assert before is not None
                deleted[event.path].add(before)
                continue
            versions[event.path][after] = decode_fields(message.value.fields)
            replaced[event.path].add(before)
        for path, lasts in deleted.items():
            times = sorted(deletions.get(path, ()))
            for last in lasts:
                at = bisect_right(times, last)
                if at == len(times):
                    raise HistoryGap(f"{path}: nobody deleted the version of {last}")
                versions[path][times[at]] = None
        history = cls({p: [Version(*v) for v in found.items()] for p, found in versions.items()})
        for path, befores in replaced.items():
            known = {v.time for v in history.versions[path] if v.fields is not None}
            missing = {before for before in befores if before is not None} - known
            if missing:
                raise HistoryGap(f"{path}: the versions of {sorted(missing)} were not recorded")
        return history

    def at(self, path: str, time: int) -> Version:
        """A document as it was at an instant; its time is 0 if it did not exist yet."""
        index = bisect_right(self._times.get(path, []), time)
        return self.versions[path][index - 1] if index else Version(0, None)

    def collection(self, name: str) -> list[str]:
        """The paths of all documents that a collection ever had."""
        return self._collections.get(name, [])

    def collections(self) -> list[str]:
        """The names of all collections."""
        return sorted(self._collections)

    def spans(self, path: str, seen: int | None, until: int) -> list[tuple[int, int]]:
        """When, up to an instant, a document had a version (None: was missing); `[from, to)`."""
        times = self._times.get(path, [])
        found = self.versions.get(path, [])
        spans = [(0, times[0] if times else until)] if seen is None else []
        for index, version in enumerate(found):
            if (version.time if version.fields is not None else None) == seen:
                end = times[index + 1] if index + 1 < len(times) else until
                spans.append((version.time, end))
        return [(start, min(end, until)) for start, end in spans if start < until]


def intersect(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The instants that are in both lists of spans."""
    both = [(max(a, c), min(b, d)) for a, b in first for c, d in second]
    return sorted((start, end) for start, end in both if start < end)


def decode_fields(fields: Any) -> Fields:
    """The plain values of a protobuf map; times are microseconds, references are `Ref`."""
    return {name: _decode(fields[name]) for name in fields}


def plain(value: Any) -> Any:
    """What the client library returns, in the same form as the history."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if hasattr(value, "path") and not isinstance(value, Ref):
        return Ref(value.path)
    if hasattr(value, "timestamp_pb"):
        return microseconds(value.timestamp_pb())
    return value


def _decode(value: Any) -> Any:
    kind = value.WhichOneof("value_type")
    if kind in {None, "null_value"}:
        return None
    if kind == "map_value":
        return decode_fields(value.map_value.fields)
    if kind == "array_value":
        return [_decode(item) for item in value.array_value.values]
    if kind == "timestamp_value":
        return microseconds(value.timestamp_value)
    if kind == "reference_value":
        return Ref("/".join(value.reference_value.split("/")[5:]))
    return getattr(value, kind)


def _time(message: Any, field: str) -> int | None:
    if not message.HasField(field):
        return None
    return microseconds(getattr(message, field).update_time)


def _by_time(versions: Mapping[str, Iterable[Version]]) -> list[tuple[str, list[Version]]]:
    # Content cannot be compared, times are unique.
    return [(p, sorted(found, key=lambda v: v.time)) for p, found in versions.items()]
