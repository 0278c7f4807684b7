"""Long-running ways to serve an app: for containers instead of functions."""

from onto_fn.serving.listener import Listener

__all__ = ["Listener"]
