"""Floor 1: a box for a process. Knows nothing of Lambda."""
