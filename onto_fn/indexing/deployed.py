"""What of an index file is not deployed: the file beside what `firebase firestore:indexes` prints.

The two never are the same text. Firestore adds the document's name to an index, and says the
density; the Firebase command line sorts the entries, and says of each field whether it has a TTL
policy. `compare` looks through all of this.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from onto_fn.indexing.declared import COLLECTION, COLLECTION_GROUP, IndexFileError
from onto_fn.indexing.query import NAME, canonical_path

Json = dict[str, Any]  # JSON has no narrower type

_MODES = ("order", "arrayConfig", "mode")  # `mode` is that of old command lines
_CONFIGS = ("vectorConfig", "searchConfig")
_DEFAULT_DENSITIES = {"SPARSE_ALL", "DENSE"}
"""What Firestore's editions make of a file that does not say the density."""


@dataclass(frozen=True)
class Difference:
    """An index, or a field, that is deployed otherwise than declared.

    Attributes:
        declared: the file's entry.
        deployed: the entry of what is deployed.
        is_overlooked: whether `firebase deploy` takes both for the same, and so changes nothing. It
            does if a field has as many indexes as declared, and no mode that is not declared.
    """

    declared: Json
    deployed: Json
    is_overlooked: bool = False


@dataclass(frozen=True)
class Comparison:
    """An index file beside what is deployed.

    Attributes:
        missing: entries of the file that are not deployed.
        different: entries that are deployed otherwise.
        extra: deployed entries that are not in the file. They cost writes, but refuse no query.
    """

    missing: list[Json]
    different: list[Difference]
    extra: list[Json]

    @property
    def is_deployed(self) -> bool:
        """Whether all of the file is deployed."""
        return not self.missing and not self.different


def compare(declared: Mapping[str, Any], deployed: Mapping[str, Any]) -> Comparison:
    """Find what of an index file is not deployed.

    Args:
        declared: the JSON of `firestore.indexes.json`.
        deployed: the JSON that `firebase firestore:indexes` prints, also with its `--json`.

    Raises:
        IndexFileError: one of the two is not of this form; the message says which.
    """
    file = _checked(declared, "the index file")
    printed = _checked(_unwrapped(deployed), "what is deployed")
    indexes = _compare_indexes(file["indexes"], printed["indexes"])
    fields = _compare_fields(file["fieldOverrides"], printed["fieldOverrides"])
    return Comparison(
        [*indexes.missing, *fields.missing],
        [*indexes.different, *fields.different],
        [*indexes.extra, *fields.extra],
    )


def described(entry: Json) -> str:
    """An entry for people: `tickets (team ASCENDING, price DESCENDING)`, `users.tags: CONTAINS`."""
    collection = _collection(entry)
    if "fields" in entry:
        fields = ", ".join(f"{path} {mode}" for path, mode in _fields(entry))
        group = " (group)" if _scope(entry) == COLLECTION_GROUP else ""
        settings = [str(entry[key]) for key in ("density", "apiScope") if key in entry]
        settings += ["multikey"] if entry.get("multikey") else []
        return " ".join([f"{collection}{group} ({fields})", *settings])
    indexes = cast("list[Json] | None", entry.get("indexes"))
    parts = [
        f"{_mode(index)}{' (group)' if _scope(index) == COLLECTION_GROUP else ''}"
        for index in indexes or ()
    ]
    if indexes is not None and not parts:
        parts = ["no index"]
    parts += ["TTL"] if entry.get("ttl") else []
    return f"{collection}.{entry['fieldPath']}: {', '.join(parts)}"


def _unwrapped(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The result within what `firebase --json` prints."""
    result: object = content.get("result")
    return cast("Json", result) if isinstance(result, dict) else content


def _checked(content: Mapping[str, Any], what: str) -> dict[str, list[Json]]:
    if not {"indexes", "fieldOverrides"} & content.keys():
        raise IndexFileError(f"{what} has neither indexes nor fieldOverrides")
    found: dict[str, list[Json]] = {}
    for key, inner in (("indexes", "fields"), ("fieldOverrides", "indexes")):
        entries: object = content.get(key, [])
        if not isinstance(entries, list):
            raise IndexFileError(f"{what}: {key} is not a list")
        found[key] = []
        for number, entry in enumerate(cast("list[object]", entries)):
            named = "fieldPath" if key == "fieldOverrides" else "fields"
            if not isinstance(entry, dict) or not _is_entry(cast(Json, entry), named, inner):
                raise IndexFileError(f"{what}: {key}[{number}] is not an entry of an index file")
            found[key].append(cast(Json, entry))
    return found


def _is_entry(entry: Json, named: str, inner: str) -> bool:
    parts: object = entry.get(inner, [])
    return bool(
        ("collectionGroup" in entry or "collectionId" in entry)
        and entry.get(named)
        and isinstance(parts, list)
        and all(isinstance(part, dict) for part in cast("list[object]", parts))
        and (inner == "indexes" or all("fieldPath" in part for part in cast("list[Json]", parts)))
    )


def _compare_indexes(declared: list[Json], deployed: list[Json]) -> Comparison:
    by_fields: dict[tuple[object, ...], list[Json]] = {}
    for entry in deployed:
        by_fields.setdefault(_key(entry), []).append(entry)
    wanted: list[Json] = []
    used: set[int] = set()
    for entry in declared:
        same = [e for e in by_fields.get(_key(entry), ()) if _is_same_setting(entry, e)]
        used.update(map(id, same[:1]))
        wanted += [] if same else [entry]
    missing: list[Json] = []
    different: list[Difference] = []
    for entry in wanted:
        near = [e for e in by_fields.get(_key(entry), ()) if id(e) not in used]
        if near:
            used.add(id(near[0]))
            different.append(Difference(entry, near[0]))
        else:
            missing.append(entry)
    return Comparison(missing, different, [e for e in deployed if id(e) not in used])


def _compare_fields(declared: list[Json], deployed: list[Json]) -> Comparison:
    def key(entry: Json) -> tuple[str, str]:
        return _collection(entry), canonical_path(str(entry["fieldPath"]))

    there = {key(entry): entry for entry in deployed}
    missing: list[Json] = []
    different: list[Difference] = []
    for entry in declared:
        found = there.get(key(entry))
        if found is None:
            missing += [entry] if "indexes" in entry or entry.get("ttl") else []
        elif not _has_policy(entry, found):
            different.append(Difference(entry, found))
        elif not _has_indexes(entry, found):
            different.append(Difference(entry, found, _is_overlooked(entry, found)))
    wanted = {key(entry) for entry in declared}
    return Comparison(missing, different, [e for e in deployed if key(e) not in wanted])


def _has_policy(declared: Json, deployed: Json) -> bool:
    # A file that does not say it leaves the policy as it is.
    return "ttl" not in declared or bool(declared["ttl"]) == bool(deployed.get("ttl"))


def _has_indexes(declared: Json, deployed: Json) -> bool:
    if "indexes" not in declared or "indexes" not in deployed:
        return True
    return _covers(declared["indexes"], deployed["indexes"]) and _covers(
        deployed["indexes"], declared["indexes"]
    )


def _covers(some: list[Json], others: list[Json]) -> bool:
    """Whether each of some single-field indexes is among the others."""

    def is_same(one: Json, other: Json) -> bool:
        return (
            _mode(one) == _mode(other)
            and _scope(one) == _scope(other)
            and _is_same_setting(one, other)
        )

    return all(any(is_same(one, other) for other in others) for one in some)


def _is_overlooked(declared: Json, deployed: Json) -> bool:
    wanted = [_mode(index) for index in declared["indexes"]]
    there = [_mode(index) for index in deployed["indexes"]]
    return len(wanted) == len(there) and set(there) <= set(wanted)


def _is_same_setting(one: Json, other: Json) -> bool:
    densities = {each.get("density", "DENSITY_UNSPECIFIED") for each in (one, other)}
    return (
        (len(densities) == 1 or densities - _DEFAULT_DENSITIES == {"DENSITY_UNSPECIFIED"})
        and one.get("apiScope", "ANY_API") == other.get("apiScope", "ANY_API")
        and bool(one.get("multikey")) == bool(other.get("multikey"))
        and bool(one.get("unique")) == bool(other.get("unique"))
    )


def _key(entry: Json) -> tuple[object, ...]:
    """An index without its settings, with the document's name where Firestore adds it."""
    fields = _fields(entry)
    is_vector = bool(entry["fields"][-1].get("vectorConfig"))
    end = len(fields) - 1 if is_vector else len(fields)
    if not end or fields[end - 1][0] != NAME:
        fields.insert(end, (NAME, _last_order(entry["fields"])))
    return _collection(entry), _scope(entry), *fields


def _last_order(fields: Iterable[Json]) -> str:
    modes = [mode for mode in map(_mode, fields) if mode in {"ASCENDING", "DESCENDING"}]
    return modes[-1] if modes else "ASCENDING"


def _fields(entry: Json) -> list[tuple[str, str]]:
    return [(canonical_path(str(field["fieldPath"])), _mode(field)) for field in entry["fields"]]


def _mode(entry: Json) -> str:
    """How an index holds a field, as one text."""
    for name in _MODES:
        if entry.get(name):
            mode = str(entry[name])
            return "CONTAINS" if mode == "ARRAY_CONTAINS" else mode
    configs = {name: entry[name] for name in _CONFIGS if entry.get(name)}
    return json.dumps(configs, sort_keys=True)


def _collection(entry: Json) -> str:
    return str(entry.get("collectionGroup") or entry.get("collectionId"))


def _scope(entry: Json) -> str:
    return str(entry.get("queryScope") or COLLECTION)
