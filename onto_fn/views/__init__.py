"""View models: what a screen needs, computed from a store."""

from onto_fn.views.definition import (
    BuiltDocuments,
    Decision,
    Definition,
    Mode,
    TaskDone,
    Transition,
)
from onto_fn.views.mirrors import mirror
from onto_fn.views.view import ViewDocument, ViewModel, ViewModelType

__all__ = [
    "BuiltDocuments",
    "Decision",
    "Definition",
    "Mode",
    "TaskDone",
    "Transition",
    "ViewDocument",
    "ViewModel",
    "ViewModelType",
    "mirror",
]
