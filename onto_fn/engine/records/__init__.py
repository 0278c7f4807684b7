"""What is stored beside the views: ledger, dead letters, outbox."""
