"""All names of `import onto_fn`, loaded at once; see docs/public-names.md."""

from onto_fn.engine.materialise.fan_out import FanOut
from onto_fn.errors import DeclarationError, OntoError, Refused
from onto_fn.events import RetryPolicy
from onto_fn.functions import App
from onto_fn.mediators import (
    DocumentSink,
    FormMediator,
    Mediator,
    PatchMediator,
    ViewMediator,
)
from onto_fn.models import DomainModel, EmbeddedModel, Ref
from onto_fn.requests import Form, Patch, Request
from onto_fn.store import Store, aggregate, keyed, many, one, query, root
from onto_fn.views import ViewModel, mirror

__all__ = [
    "App",
    "DeclarationError",
    "DocumentSink",
    "DomainModel",
    "EmbeddedModel",
    "FanOut",
    "Form",
    "FormMediator",
    "Mediator",
    "OntoError",
    "Patch",
    "PatchMediator",
    "Ref",
    "Refused",
    "Request",
    "RetryPolicy",
    "Store",
    "ViewMediator",
    "ViewModel",
    "aggregate",
    "keyed",
    "many",
    "mirror",
    "one",
    "query",
    "root",
]
