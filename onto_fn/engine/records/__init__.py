"""Records that are stored beside the views: ledger, dead letters, outbox."""
