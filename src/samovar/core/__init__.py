"""Floor 0: the words every other room shares. Imports the standard library and msgspec only."""
