"""The objects that a build gets for documents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from onto_fn.errors import InvalidDocument
from onto_fn.firestore import Document
from onto_fn.models import DomainModel
from onto_fn.models.making import Template
from onto_fn.models.model_type import template_of
from onto_fn.models.tracked import FieldsRead

_Key = tuple[type[Any], str]  # the class that is read, and the path


class Templates:
    """Validated contents of documents, which several builds share; each is validated once.

    It is for one thread, and for as long as these builds take.
    """

    def __init__(self) -> None:
        self._made: dict[_Key, Template] = {}

    def of(self, model: type[DomainModel], document: Document) -> Template:
        """The content of a document.

        Raises:
            InvalidDocument: the document does not fit.
        """
        key = (model, document.path)
        found = self._made.get(key)
        if found is None or found.update_time != document.update_time:
            found = self._made[key] = template_of(model, document)
            # Not only for the second object: a value of any type is the document's own.
            found.copies = True
        return found


class Objects:
    """Makes the objects of one build.

    Args:
        skipped: receives the documents that are left out, by path, with what is wrong.
        fields: notes what is read of the objects; without it, nothing does.
        templates: of the builds that read the same snapshot; without it, each document is
            validated here.
    """

    def __init__(
        self,
        skipped: dict[str, InvalidDocument],
        fields: FieldsRead | None = None,
        templates: Templates | None = None,
    ) -> None:
        self._skipped = skipped
        self._fields = fields
        self._templates = templates

    def make(self, model: type[DomainModel], document: Document) -> Any:
        """The object of a document that exists.

        Raises:
            InvalidDocument: the document does not fit.
        """
        if self._fields is None:
            return model.from_document(document)
        if self._templates is None:
            return self._fields.object_of(template_of(model, document))
        return self._fields.object_of(self._templates.of(model, document))

    def valid(self, model: type[DomainModel], documents: Iterable[Document]) -> list[Any]:
        """The objects of those documents that the model accepts; the others are left out."""
        found: list[Any] = []
        for document in documents:
            try:
                found.append(self.make(model, document))
            except InvalidDocument as error:
                self._skipped.setdefault(document.path, error)
        return found
