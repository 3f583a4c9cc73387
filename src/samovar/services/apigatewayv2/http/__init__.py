"""HTTP APIs at work: from a request to its route, through what guards it, to its target and back."""
