"""Streams: a view's versions as they come, as server-sent events or to a Firebase SDK."""
