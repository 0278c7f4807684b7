"""The topics that an app publishes to.

It needs nothing of `onto_fn.testing`, whose packages are not where the functions run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onto_fn.messaging.sinks import TopicSink

if TYPE_CHECKING:
    from onto_fn.functions.app import App

__all__ = ["topics_of"]


def topics_of(app: App) -> list[str]:
    """The topics that an app's `TopicSink`s publish to, each once, as they are declared.

    Args:
        app: the app. The topic of its fan-out is not among them: a function listens to it, so the
            emulator makes it, and so does a deploy.
    """
    sinks = [sink for mediator in app.mediators for sink in mediator.sends]
    return list(dict.fromkeys(sink.topic for sink in sinks if isinstance(sink, TopicSink)))
