"""What an operator does: backfill, verify, check the status, replay, drop."""
