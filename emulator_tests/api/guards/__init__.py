"""The decisions of the gate and of REST, each of which can be loosened."""
