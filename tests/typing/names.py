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
from onto_fn.access import (
    owner as owner,
)
from onto_fn.aggregates import (
    count as count,
)
from onto_fn.engine import (
    Engine as Engine,
)
from onto_fn.messaging import (
    TopicSink as TopicSink,
)
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
