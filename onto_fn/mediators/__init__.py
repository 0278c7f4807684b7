"""Mediators: source -> processor -> sink."""

from onto_fn.mediators.checks import check_graph
from onto_fn.mediators.declared import AnyMediator, Declared, mediators_of
from onto_fn.mediators.mediator import Documents, DocumentSink, Mediator
from onto_fn.mediators.request import FormMediator, PatchMediator, RequestMediator
from onto_fn.mediators.view import ViewMediator
from onto_fn.messaging.sinks import EndpointSink, Sink, TopicSink, sinks_by_name

__all__ = [
    "AnyMediator",
    "Declared",
    "DocumentSink",
    "Documents",
    "EndpointSink",
    "FormMediator",
    "Mediator",
    "PatchMediator",
    "RequestMediator",
    "Sink",
    "TopicSink",
    "ViewMediator",
    "check_graph",
    "mediators_of",
    "sinks_by_name",
]
