"""Samovar: the AWS serverless platform on your own machines."""

__version__ = "0.1.0"
