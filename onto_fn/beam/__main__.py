"""`python -m onto_fn.beam` is `python -m onto_fn.contrib.beam` now; it works for one version."""

import runpy
import warnings

if __name__ == "__main__":
    warnings.warn(
        "python -m onto_fn.beam is deprecated: use `python -m onto_fn.contrib.beam`",
        DeprecationWarning,
        stacklevel=1,
    )
    runpy.run_module("onto_fn.contrib.beam", run_name="__main__", alter_sys=True)
