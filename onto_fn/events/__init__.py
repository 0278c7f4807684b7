"""What an event is and becomes: the change, what became of it, and how it is tried again."""

from onto_fn.events.change import Change
from onto_fn.events.outcome import Outcome, Result
from onto_fn.events.retry import RetryPolicy

__all__ = ["Change", "Outcome", "Result", "RetryPolicy"]
