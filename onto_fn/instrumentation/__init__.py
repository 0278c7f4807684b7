"""Observers for other systems, each in a module of its own that needs an extra to be installed."""
