"""The fields of a ledger record as they came: decoded when asked for, written back where unchanged.

A record lists every document that its build has read, in lists of small maps. To decode all of them
and to encode them again took a fifth of an event's own time, and from one event to the next, hardly
any of them changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from typing_extensions import override

from onto_fn.firestore.documents import Value
from onto_fn.firestore.values import decode, decode_time, encode, fill_fields

RECORDS = "onto_ledger"
"""The collection whose documents are read as `Stored`."""


class Stored(Mapping[str, Value]):
    """Fields by name, each decoded when it is asked for.

    Args:
        message: the protobuf map of the fields.
        documents: resource name of the database that it is from.
    """

    __slots__ = ("_documents", "_lists", "_message")

    def __init__(self, message: Any, documents: str) -> None:
        self._message = message
        self._documents = documents
        self._lists: dict[str, list[Value]] = {}  # those of texts, and those of pairs

    @override
    def __getitem__(self, name: str) -> Value:
        if name not in self._message:  # which would be made by asking for it
            raise KeyError(name)
        value = decode(self._message[name], self._documents)
        if value.__class__ is list and all(item.__class__ is str for item in value):
            self._lists[name] = value
        return value

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._message)

    @override
    def __len__(self) -> int:
        return len(self._message)

    def pairs(self, name: str, key: str) -> Value:
        """The same as `[name]`; faster if each item has a text `path`, and a text or time `key`."""
        if name not in self._message:
            raise KeyError(name)
        found: list[Value] = []
        for item in self._message[name].array_value.values:
            pair = item.map_value.fields
            first, value = pair.get("path"), pair.get(key)
            if first is None or value is None or len(pair) != 2:
                return self[name]
            path, text = first.string_value, value.string_value
            if path and text:
                found.append({"path": path, key: text})
            elif path and value.HasField("timestamp_value"):
                found.append({"path": path, key: decode_time(value.timestamp_value)})
            elif path and value.HasField("null_value"):
                found.append({"path": path, key: None})
            else:
                return self[name]
        if not found:  # or it is no list
            return self[name]
        self._lists[name] = found
        return found

    def fill(self, target: Any, fields: Mapping[str, Value], *, documents: str, where: str) -> None:
        """Put values into a protobuf map as `fill_fields` does, which encodes them all.

        Lists that were read from here are copied, and only the items encoded that differ.
        """
        others: dict[str, Value] = {}
        for name, value in fields.items():
            before = self._lists.get(name)
            if before is None or value.__class__ is not list or len(value) != len(before):
                others[name] = value
                continue
            # What is remembered has texts and times alone, so what is equal is stored alike.
            target[name].CopyFrom(self._message[name])
            items = target[name].array_value.values
            for index, item in enumerate(value):
                if item != before[index]:
                    at = f"{where}: {name}[{index}]"
                    items[index].CopyFrom(encode(item, documents=documents, where=at))
        fill_fields(target, others, documents=documents, where=where)
