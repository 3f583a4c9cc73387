"""Floor 1: AWS protocols, bytes <-> dict, pure. `model` alone reads the model files of the botocore distribution."""
