"""Backfill as an Apache Beam pipeline, `python -m onto_fn.contrib.beam`; extra `onto-fn[beam]`."""

from onto_fn.contrib.beam.pipeline import Backfilled, Place, backfill

__all__ = ["Backfilled", "Place", "backfill"]
