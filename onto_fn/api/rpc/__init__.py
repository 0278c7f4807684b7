"""JSON-RPC 2.0: views and requests as methods, at one address."""
