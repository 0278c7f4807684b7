"""Chaos: load, plain recomputation, the history of all documents, and the checks of G1 to G8."""
