"""WebSocket APIs: from a handshake at the door to a connection, its messages and its end (facts/apigateway.md §10)."""
