"""The engine: keeps the documents of every definition equal to `build` on the current sources.

It does not depend on HTTP, functions or the command line. Its packages: `records` holds the stored
schemas, `materialise` and `aggregate` handle one event, and `operate` holds what an operator does.
"""

from onto_fn.engine.engine import Engine

__all__ = ["Engine"]
