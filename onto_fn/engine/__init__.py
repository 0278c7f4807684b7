"""The engine: keeps the documents of every definition equal to `build` on the current sources.

It knows nothing of HTTP, functions or the command line. Its parts are times in the life of an
event: `records` is what is kept, `materialise` and `aggregate` are one event, `operate` is what a
person does.
"""

from onto_fn.engine.engine import Engine

__all__ = ["Engine"]
