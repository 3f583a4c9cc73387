"""Floor 4: from an HTTP request to an operation and back."""
