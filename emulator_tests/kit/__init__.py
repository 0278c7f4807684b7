"""What the engine's tests share: a small domain, writes that become changes, and interleavings."""
