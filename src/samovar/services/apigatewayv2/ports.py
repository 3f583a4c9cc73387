"""What the service asks of others: who may do what, where that counts (the gateway's authority)."""

from typing import Protocol

from samovar.web.signers import Signatures


class Authority(Signatures, Protocol):
    def trusts(self, role: str, service: str) -> bool:
        """Whether a role (its ARN) can be taken on by a service."""
        ...
