"""What `import onto_fn` gives: all public names, with all that they need loaded."""

from onto_fn.access import claim, members, owner, public, role, signed_in
from onto_fn.engine import Change, Engine, FanOut, Observer, Outcome, Result, RetryPolicy
from onto_fn.errors import (
    DeclarationError,
    InvalidDocument,
    MissingDocument,
    OntoError,
    PermanentError,
    Refused,
    TransientError,
)
from onto_fn.firestore import Database, Write
from onto_fn.functions import App
from onto_fn.mediators import (
    DocumentSink,
    EndpointSink,
    FormMediator,
    Mediator,
    PatchMediator,
    TopicSink,
    ViewMediator,
)
from onto_fn.messages import Message
from onto_fn.models import DomainModel, EmbeddedModel, Ref, Repository
from onto_fn.receiving import Inbox, Receipt
from onto_fn.requests import Form, Patch, Request, edit, load_view
from onto_fn.store import (
    Store,
    aggregate,
    average,
    count,
    keyed,
    many,
    maximum,
    minimum,
    one,
    query,
    root,
    total,
)
from onto_fn.views import TaskDone, ViewModel

__all__ = [
    "App",
    "Change",
    "Database",
    "DeclarationError",
    "DocumentSink",
    "DomainModel",
    "EmbeddedModel",
    "EndpointSink",
    "Engine",
    "FanOut",
    "Form",
    "FormMediator",
    "Inbox",
    "InvalidDocument",
    "Mediator",
    "Message",
    "MissingDocument",
    "Observer",
    "OntoError",
    "Outcome",
    "Patch",
    "PatchMediator",
    "PermanentError",
    "Receipt",
    "Ref",
    "Refused",
    "Repository",
    "Request",
    "Result",
    "RetryPolicy",
    "Store",
    "TaskDone",
    "TopicSink",
    "TransientError",
    "ViewMediator",
    "ViewModel",
    "Write",
    "aggregate",
    "average",
    "claim",
    "count",
    "edit",
    "keyed",
    "load_view",
    "many",
    "maximum",
    "members",
    "minimum",
    "one",
    "owner",
    "public",
    "query",
    "role",
    "root",
    "signed_in",
    "total",
]
