"""Floor 4: one folder per AWS service, named as boto3 names its client; strangers to each other."""
