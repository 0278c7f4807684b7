"""What a change costs: billed operations and dollars, before the deploy; see docs/cost.md."""

from onto_fn.pricing.counts import Counts
from onto_fn.pricing.declared import Declared
from onto_fn.pricing.estimate import Estimate, estimates
from onto_fn.pricing.measured import Ledger, read_ledger
from onto_fn.pricing.prices import Prices, prices_of, read_prices

__all__ = [
    "Counts",
    "Declared",
    "Estimate",
    "Ledger",
    "Prices",
    "estimates",
    "prices_of",
    "read_ledger",
    "read_prices",
]
