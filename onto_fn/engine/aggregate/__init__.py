"""One event of an aggregate: what a document has contributed, and the difference now."""
