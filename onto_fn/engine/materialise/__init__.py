"""One event: look-up, snapshot, build, plan, locks, commit. The protocol is in `protocol`."""
