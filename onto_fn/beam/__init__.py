"""Backfill as an Apache Beam pipeline, `python -m onto_fn.beam`; with the extra `onto-fn[beam]`."""

from onto_fn.beam.pipeline import Backfilled, Place, backfill

__all__ = ["Backfilled", "Place", "backfill"]
