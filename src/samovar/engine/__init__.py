"""Floor 2: runs function versions. `invoke.Engine` is the only door."""
