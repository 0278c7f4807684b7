"""The limit: the reads and the commit of one event, with no framework and no work between them.

It is told beforehand what to look up, read and write; nothing is built or checked between them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from google.cloud.firestore import Client, FieldFilter

from onto_fn.editing import Database

_SECONDS = 20.0  # that a call may take


class Raw:
    """The reads and writes of one event of the meeting room, by Google's client.

    Args:
        client: of the project.
        key: what the ledger is queried for.
        reads: paths of the sources.
        writes: content by path: the views, and the ledger record last.
    """

    def __init__(
        self, client: Client, key: str, reads: list[str], writes: dict[str, dict[str, Any]]
    ) -> None:
        self._client, self._writes = client, writes
        self._sources = [client.document(path) for path in reads]
        watching = FieldFilter("watches", "array_contains", key)
        self._ledger = client.collection("onto_ledger").where(filter=watching)

    def handle(self) -> None:
        """One look-up, one read, one commit on the record's precondition."""
        (record,) = list(self._ledger.stream())
        list(self._client.get_all(self._sources))
        batch = self._client.batch()
        for path, content in self._writes.items():
            reference = self._client.document(path)
            if reference == record.reference:
                condition = self._client.write_option(last_update_time=record.update_time)
                batch.update(reference, content, option=condition)
            else:
                batch.set(reference, content)
        batch.commit()


class ReadyMade:
    """The same calls on onto_fn's own connection, with requests that were made beforehand.

    Args:
        database: of the project.
        look_up: the query of the ledger.
        read: the sources.
        commit: all writes; that of the ledger record is the last.
    """

    def __init__(self, database: Database, look_up: Any, read: Any, commit: Any) -> None:
        self._calls = database._calls
        self._look_up, self._read, self._commit = look_up, read, commit

    def handle(self) -> None:
        """One look-up, one read, one commit on the record's precondition."""
        answers = self._calls.run_query(self._look_up, _SECONDS)
        (found,) = [answer.document for answer in answers if answer.HasField("document")]
        list(self._calls.batch_get(self._read, _SECONDS))
        condition = self._commit.writes[-1].current_document
        condition.update_time.CopyFrom(found.update_time)
        self._calls.commit(self._commit, _SECONDS)


def replayed(database: Database, handle: Callable[[Database], object]) -> Callable[[], None]:
    """A limit that plays the requests of one event again and again.

    Args:
        database: on which they are played.
        handle: handles an event on the database that it is given.
    """
    taken: dict[str, Any] = {}

    class Taking(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
        def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
            taken[details.method.rpartition("/")[2]] = request
            return continuation(details, request)

        intercept_unary_stream = intercept_unary_unary

    handle(Database(database.project, interceptors=[Taking()]))
    read = taken["BatchGetDocuments"]
    read.ClearField("read_time")  # of that event; the latest is as good for a limit
    return ReadyMade(database, taken["RunQuery"], read, taken["Commit"]).handle


def client(project: str, *interceptors: Any) -> Client:
    """Google's client on the emulator, with interceptors on its connection."""

    class Intercepted(Client):
        def _emulator_channel(self, transport: Any) -> Any:
            return grpc.intercept_channel(super()._emulator_channel(transport), *interceptors)

    return Intercepted(project=project) if interceptors else Client(project=project)
