"""Compilation of mediators to Cloud Functions that `firebase deploy` discovers."""

from onto_fn.events.change import decode_event
from onto_fn.functions.app import App, app_of
from onto_fn.functions.endpoints import FirestoreFunction

__all__ = ["App", "FirestoreFunction", "app_of", "decode_event"]
