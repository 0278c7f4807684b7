"""What a person does: backfill, verify, look at the status, drop."""
