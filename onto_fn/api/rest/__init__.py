"""REST: a view's own path is its address, and a request's path is where it is put."""
