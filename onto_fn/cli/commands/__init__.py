"""The commands of `onto`, one module each."""
