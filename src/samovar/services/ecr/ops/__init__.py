"""ECR's operations."""
