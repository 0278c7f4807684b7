"""Targets: views and mediators in each mode, and aggregates; for one root, or many."""
