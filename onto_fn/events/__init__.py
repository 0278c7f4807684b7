"""Events: the change, its outcome, and the retries."""

from onto_fn.events.change import Change
from onto_fn.events.outcome import Outcome, Result
from onto_fn.events.retry import RetryPolicy

__all__ = ["Change", "Outcome", "Result", "RetryPolicy"]
