"""The place of `OpenTelemetry` before; works for one version."""

import warnings

from onto_fn.observability.opentelemetry import OpenTelemetry

warnings.warn(
    "onto_fn.instrumentation.otel is deprecated: use "
    "`from onto_fn.observability import OpenTelemetry`",
    DeprecationWarning,
    stacklevel=2,
)

__all__ = ["OpenTelemetry"]
