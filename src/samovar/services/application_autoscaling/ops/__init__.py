"""The operations of Application Auto Scaling, by noun."""
