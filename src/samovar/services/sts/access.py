"""What STS's operations need: roles admit by their trust policies (facts/iam.md §6)."""

from collections.abc import Sequence

from samovar.core.access import Access, Given, Need, on, request_tags
from samovar.core.context import Context, Params
from samovar.services.sts.state import Directory


def access(directory: Directory) -> Access:
    def trust(arn: str) -> object:
        role = directory.role(arn)
        return role.trust if role else None

    return Access(
        "sts",
        on((_role, "AssumeRole"), (_federated, "GetFederationToken")),
        actions={
            "AssumeRoleWithWebIdentity": "",  # by the operation itself: who calls is in the token
            "GetCallerIdentity": "",
            "GetSessionToken": "",
        },
        also={"AssumeRole": _also},
        facts=_facts,
        policy=trust,
        closed=True,
        unsigned=frozenset({"AssumeRoleWithWebIdentity"}),
    )


def _role(ctx: Context, params: Params) -> str:
    return str(params["RoleArn"])


def _federated(ctx: Context, params: Params) -> str:
    return f"arn:aws:sts::{ctx.account}:federated-user/{params['Name']}"


def _also(ctx: Context, params: Params) -> Sequence[Need]:
    needs = []
    if params.get("Tags"):
        needs.append(Need("sts:TagSession", str(params["RoleArn"])))
    if params.get("SourceIdentity"):
        needs.append(Need("sts:SetSourceIdentity", str(params["RoleArn"])))
    return needs


def _facts(ctx: Context, operation: str, params: Params) -> Given:
    found: dict[str, str | tuple[str, ...]] = {}
    for member, key in (
        ("ExternalId", "sts:ExternalId"),
        ("RoleSessionName", "sts:RoleSessionName"),
        ("SourceIdentity", "sts:SourceIdentity"),
        ("DurationSeconds", "sts:DurationSeconds"),
    ):
        if params.get(member):
            found[key] = str(params[member])
    if params.get("TransitiveTagKeys"):
        found["sts:TransitiveTagKeys"] = tuple(params["TransitiveTagKeys"])
    return {**found, **request_tags({tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()})}
