"""The command line: `onto`."""
