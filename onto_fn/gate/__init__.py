"""The gate: what every protocol asks before it reads a view or carries out a request.

A protocol translates; the gate decides. So each of them lets through what the security rules let
through, and nothing else.
"""
