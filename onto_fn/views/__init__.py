"""View models: what a screen needs, computed from a store."""

from onto_fn.views.definition import BuiltDocuments, Definition, Mode, TaskDone, Transition
from onto_fn.views.view import ViewModel

__all__ = ["BuiltDocuments", "Definition", "Mode", "TaskDone", "Transition", "ViewModel"]
