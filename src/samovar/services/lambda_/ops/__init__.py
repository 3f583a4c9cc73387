"""The operations: one function each, named as AWS names it."""
