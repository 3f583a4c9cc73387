"""What each operation of a service needs to be allowed: its action, and the ARN of what it is about.

Owns: Access, the table on a service's card. Source: AWS's service authorization reference. Refuses: deciding (`policy`)
and knowing who calls (the gateway).

    ACCESS = Access(
        "sqs",
        on((_queue, "SendMessage ReceiveMessage GetQueueAttributes"), (_new_queue, "CreateQueue")),
        actions={"SendMessageBatch": "SendMessage"},
        policy=...,
    )

Rules: an operation that the table doesn't place is about no resource (`*`), as most `List` operations are. A resource
function reads the request's own words (names, URLs, ARNs) and looks nothing up; what can't be read is `*`, and is
refused by the operation itself.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from samovar.core.context import Context, Params

Resource = Callable[[Context, Params], str | Sequence[str]]
"""The ARN, or ARNs, that a request is about."""

Given = Mapping[str, str | tuple[str, ...]]
"""Condition keys of a request: `{"lambda:Layer": ("arn:...",)}`."""


class Need(msgspec.Struct, frozen=True):
    """One permission that a request needs."""

    action: str
    """`lambda:InvokeFunction`."""
    resource: str = "*"
    facts: Given = {}
    """Condition keys for this need alone (`iam:PassedToService`)."""


def _no_facts(ctx: Context, operation: str, params: Params) -> Given:
    return {}


def _nobodys(arn: str) -> None:
    return None


class Access(msgspec.Struct, frozen=True):
    prefix: str
    """Of its actions: `lambda`, `execute-api`."""
    resources: Mapping[str, Resource] = {}
    """Operation as AWS names it -> what it is about; see `on`."""
    actions: Mapping[str, str | Callable[[Params], str]] = {}
    """Where the action isn't called like the operation; empty for one that needs no permission."""
    also: Mapping[str, Callable[[Context, Params], Sequence[Need]]] = {}
    """What else an operation needs: `iam:PassRole` where it is given a role."""
    facts: Callable[[Context, str, Params], Given] = _no_facts
    """The service's own condition keys, and `aws:RequestTag/..`, `aws:TagKeys`; only called when a policy asks."""
    policy: Callable[[str], object] = _nobodys
    """ARN -> the resource's policy, as JSON text, decoded, or compiled (`policy.rules.Rules`); None where there is
    none."""
    closed: bool = False
    """The resource's policy must allow even in its own account: the trust policies of roles."""
    tags: Callable[[str], Mapping[str, str] | None] = _nobodys
    """ARN -> the resource's tags (`aws:ResourceTag/..`)."""
    owner: Callable[[str], str | None] = _nobodys
    """ARN -> the account of a resource whose ARN doesn't say it (buckets); None where it does."""
    stays: frozenset[str] = frozenset()
    """Operations that run in the caller's own account, whosever the resource is."""
    unsigned: frozenset[str] = frozenset()
    """Operations that callers without credentials may ask for."""

    def needs(self, operation: str, ctx: Context, params: Params) -> list[Need]:
        """Everything that must be allowed; nothing for an operation that is open to everybody."""
        named = self.actions.get(operation, operation)
        action = named if isinstance(named, str) else named(params)
        if not action:
            return []
        found = self.resources[operation](ctx, params) if operation in self.resources else "*"
        arns = (found,) if isinstance(found, str) else found
        needs = [Need(f"{self.prefix}:{action}", arn) for arn in arns]
        return [*needs, *self.also[operation](ctx, params)] if operation in self.also else needs


def on(*rows: tuple[Resource, str]) -> dict[str, Resource]:
    """The table from its rows: (what they are about, the names of operations with blanks between)."""
    return {operation: resource for resource, operations in rows for operation in operations.split()}


def pass_role(arn: str, service: str) -> Need:
    """Handing a role to a service is a permission of its own (facts/iam.md §2)."""
    return Need("iam:PassRole", arn, {"iam:PassedToService": service})


def request_tags(tags: Mapping[str, str]) -> dict[str, str | tuple[str, ...]]:
    """The condition keys of tags that a request brings."""
    if not tags:
        return {}
    return {"aws:TagKeys": tuple(tags), **{f"aws:RequestTag/{key}": value for key, value in tags.items()}}
