"""The place of `onto_fn.contrib.beam` before; works for one version."""
