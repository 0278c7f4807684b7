"""Optional integrations, each with an extra of its own."""
