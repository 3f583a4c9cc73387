"""Container images as functions' roots: what a manifest says, and from its layers to a read-only tree."""
