"""The place of `onto_fn.observability` before; works for one version."""
