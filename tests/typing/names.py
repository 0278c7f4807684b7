"""A type checker sees the public names, and those that have moved only where they are now."""

from onto_fn import (
    App,
    DeclarationError,
    DocumentSink,
    DomainModel,
    EmbeddedModel,
    FanOut,
    Form,
    FormMediator,
    Mediator,
    OntoError,
    Patch,
    PatchMediator,
    Ref,
    Refused,
    Request,
    RetryPolicy,
    Store,
    ViewMediator,
    ViewModel,
    aggregate,
    keyed,
    many,
    mirror,
    one,
    query,
    root,
)
from onto_fn import Engine as Engine  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
from onto_fn import TopicSink as TopicSink  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
from onto_fn import count as count  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
from onto_fn import owner as owner  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
from onto_fn.observability import nonsense as nonsense  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]

TYPES: list[type] = [
    App,
    DeclarationError,
    DocumentSink,
    DomainModel,
    EmbeddedModel,
    FanOut,
    Form,
    FormMediator,
    Mediator,
    OntoError,
    Patch,
    PatchMediator,
    Ref,
    Refused,
    Request,
    RetryPolicy,
    Store,
    ViewMediator,
    ViewModel,
]
CALLS = [aggregate, keyed, many, mirror, one, query, root]
