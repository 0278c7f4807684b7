"""The hub: documents and queries that many clients watch, on as few Listen streams as possible."""

from onto_fn.firestore.hub.hub import Hub, Unreadable, Watchable, WatchFull, WatchLost, hub_of
from onto_fn.firestore.hub.watched import State

__all__ = ["Hub", "State", "Unreadable", "WatchFull", "WatchLost", "Watchable", "hub_of"]
