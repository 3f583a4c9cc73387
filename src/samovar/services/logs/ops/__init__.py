"""The operations of CloudWatch Logs, one function each, by the noun that they work on."""
