"""Who has signed a visit to a site (`AWS_IAM`): the same for function URLs and for APIs of all kinds.

Owns: whose signature counts, and how events show its owner (facts/lambda-events.md §7, facts/apigateway.md §4, §9).
Rule: an id is the one that STS and policies know (`aws:userid`): `AIDA...` of a user, `AROA...:SESSION` of a role,
the account's number of its root; never the access key.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from samovar.core.context import Context
from samovar.net.message import Request
from samovar.wire import sigv4


class Signatures(Protocol):
    """Whose signatures and permissions count (the gateway's authority)."""

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


class Signer(msgspec.Struct, frozen=True):
    access_key: str
    account: str
    arn: str
    id: str

    def shown(self) -> dict[str, Any]:
        """As `requestContext.authorizer.iam` of payload 2.0 has it."""
        return {
            "accessKey": self.access_key,
            "accountId": self.account,
            "callerId": self.id,
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": self.arn,
            "userId": self.id,
        }

    def identity(self) -> dict[str, str]:
        """What `requestContext.identity` of payload 1.0 has of it."""
        return {
            "accessKey": self.access_key,
            "accountId": self.account,
            "caller": self.id,
            "user": self.id,
            "userArn": self.arn,
        }


def signer(
    signatures: Signatures,
    ctx: Context,
    request: Request,
    actions: tuple[str, ...],
    arn: str,
    policy: object = None,
    given: Mapping[str, str] = {},
) -> Signer | None:
    """Who signed; None without a signature, AwsError where it is wrong or one of the actions isn't permitted.

    `policy` is the resource's own, `given` the condition keys that it may ask for.
    """
    scope = sigv4.scope(request.headers, request.query)
    if scope is None:
        return None
    who = ctx
    if signatures.enforces:
        for action in actions:
            who = signatures.visit(ctx, request, action, arn, policy, given)
    return Signer(scope.access_key, who.account, who.principal, signatures.user_id(who))
