"""What the service asks of others: who may do what, where that counts (the gateway's authority)."""

from collections.abc import Mapping
from typing import Protocol

from samovar.core.context import Context
from samovar.net.message import Request


class Authority(Protocol):
    @property
    def enforces(self) -> bool:
        """Whether signatures and permissions count at all."""
        ...

    def visit(
        self, ctx: Context, request: Request, action: str, arn: str, policy: object, given: Mapping[str, str]
    ) -> Context:
        """The own context of who visits; AwsError where a signature is wrong or permission is missing."""
        ...

    def user_id(self, ctx: Context) -> str:
        """The unique id of who visits (`AIDA...`)."""
        ...

    def trusts(self, role: str, service: str) -> bool:
        """Whether a role (its ARN) can be taken on by a service."""
        ...
