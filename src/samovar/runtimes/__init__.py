"""What runs inside an environment, beside the function: one folder per language, the standard library and AWS's own
client only."""
