"""Find the declarations of an app that concern clients: its views and requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onto_fn.mediators import RequestMediator, ViewMediator

if TYPE_CHECKING:
    from onto_fn.functions import App
    from onto_fn.requests import RequestModel
    from onto_fn.views import ViewModel


def views_of(app: App) -> list[type[ViewModel[Any]]]:
    """The app's view models, in the order of their paths."""
    views = {mediator.view for mediator in app.mediators if isinstance(mediator, ViewMediator)}
    return sorted(views, key=lambda view: view.__path__.text)


def requests_of(app: App) -> list[type[RequestModel]]:
    """The app's forms and patches, in the order of their paths."""
    requests = {m.model for m in app.mediators if isinstance(m, RequestMediator)}
    return sorted(requests, key=lambda request: request.__path__.text)
