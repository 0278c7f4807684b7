"""What has roots: views and mediators in each mode, and aggregates; one root, or many."""
