"""Domain models: the source of truth, one collection each."""

from onto_fn.models.domain import DomainModel
from onto_fn.models.embedded import EmbeddedModel
from onto_fn.models.queries import ModelQuery
from onto_fn.models.references import Ref
from onto_fn.models.repository import Repository

__all__ = ["DomainModel", "EmbeddedModel", "ModelQuery", "Ref", "Repository"]
