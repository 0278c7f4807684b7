"""Documents on the emulator: written by Google's client, and compared as protobuf."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.cloud.firestore_v1 import Client, DocumentReference
from google.cloud.firestore_v1.types import BatchGetDocumentsResponse

from emulator_tests.fuzz.drawing import FOREIGN
from onto_fn.firestore import Reference
from onto_fn.firestore.canonical import digest

Message = Any  # a protobuf Document; the generated class carries no types
_AT_ONCE = 200


class Google:
    """Google's own client, which knows no models.

    Args:
        client: of the database.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        project, _, _ = FOREIGN.removeprefix("projects/").partition("/")
        self._foreign = Client(project=project, credentials=client._credentials)

    def write(self, contents: Mapping[str, Mapping[str, Any]]) -> None:
        """Set documents, many in a commit."""
        paths = list(contents)
        for start in range(0, len(paths), _AT_ONCE):
            batch = self.client.batch()
            for path in paths[start : start + _AT_ONCE]:
                batch.set(self.client.document(path), self.value(contents[path]))
            batch.commit()

    def read(self, paths: Iterable[str]) -> dict[str, Message]:
        """Documents as they are stored, by path; those that do not exist are left out."""
        names = {self.client.document(path)._document_path: path for path in paths}
        found: dict[str, Message] = {}
        wanted = list(names)
        for start in range(0, len(wanted), _AT_ONCE):
            request = {
                "database": self.client._database_string,
                "documents": wanted[start : start + _AT_ONCE],
            }
            answers = self.client._firestore_api.batch_get_documents(
                request, metadata=self.client._rpc_metadata
            )
            for answer in answers:
                message = BatchGetDocumentsResponse.pb(answer)
                if message.HasField("found"):
                    found[names[message.found.name]] = message.found
        return found

    def value(self, value: Any) -> Any:
        """A value as Google's client takes it."""
        if isinstance(value, Reference):
            client = self.client if value.database is None else self._foreign
            return DocumentReference(*value.path.split("/"), client=client)
        if isinstance(value, Mapping):
            return {name: self.value(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return value


def wire(fields: Any) -> dict[str, bytes]:
    """Each field as it goes over the wire, in which -0.0 is not 0.0."""
    return {name: fields[name].SerializeToString(deterministic=True) for name in fields}


def same(first: Any, second: Any) -> bool:
    """Whether Firestore would store both alike."""
    return digest({"value": first}) == digest({"value": second})
