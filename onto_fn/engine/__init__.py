"""The engine: keeps the documents of every definition equal to `build` on the current sources.

It knows nothing of HTTP, functions or the command line.
"""

from onto_fn.engine.changes import Change
from onto_fn.engine.engine import Engine
from onto_fn.engine.fanout import Batch, FanOut
from onto_fn.engine.observers import Observer
from onto_fn.engine.outcomes import Outcome, Result
from onto_fn.engine.retries import RetryPolicy

__all__ = ["Batch", "Change", "Engine", "FanOut", "Observer", "Outcome", "Result", "RetryPolicy"]
