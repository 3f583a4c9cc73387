"""What API Gateway's clients ask for, a module per kind of resource."""
