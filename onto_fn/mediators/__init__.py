"""Mediators: source -> processor -> sink."""

from onto_fn.mediators.graph import check_graph
from onto_fn.mediators.mediator import Documents, DocumentSink, Mediator
from onto_fn.mediators.view import ViewMediator

__all__ = ["DocumentSink", "Documents", "Mediator", "ViewMediator", "check_graph"]
