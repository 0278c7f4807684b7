"""The place of `CloudHandler` before; works for one version."""

import warnings

from onto_fn.observability.cloud_logging import CloudFormatter, CloudHandler

warnings.warn(
    "onto_fn.functions.logs is deprecated: use `from onto_fn.observability import CloudHandler`",
    DeprecationWarning,
    stacklevel=2,
)

__all__ = ["CloudFormatter", "CloudHandler"]
