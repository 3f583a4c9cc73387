"""Floor 1: sockets. One small HTTP/1.1 server for the gateway and for what listens inside environments."""
