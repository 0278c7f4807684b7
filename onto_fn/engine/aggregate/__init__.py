"""One event of an aggregate: what a document contributed before, and what changes now."""
