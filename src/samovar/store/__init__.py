"""Floor 1: what lasts."""
