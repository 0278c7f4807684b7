"""Events: the change, its outcome, and the retries."""

from onto_fn.attempts import RetryPolicy
from onto_fn.events.change import Change
from onto_fn.events.outcome import Outcome, Result

__all__ = ["Change", "Outcome", "Result", "RetryPolicy"]
