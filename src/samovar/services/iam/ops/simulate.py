"""The policy simulator: the same code that decides about requests."""

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.policy.decision import Caller
from samovar.policy.grammar import Document
from samovar.policy.principals import Who
from samovar.policy.rules import Rules
from samovar.services.iam import documents, holders, simulation
from samovar.services.iam.state import GROUP, Holder, State


async def simulate_custom_policy(state: State, ctx: Context, params: Params) -> Params:
    if params.get("OrderedOrganizationPolicyInputList"):
        raise AwsError(
            "NotImplementedException", "OrderedOrganizationPolicyInputList is not implemented by this server."
        )
    who = _who(state, ctx, params.get("CallerArn", ""))
    return simulation.results(Caller(who, _given(params, "PolicyInputList"), _boundary(params)), params)


async def simulate_principal_policy(state: State, ctx: Context, params: Params) -> Params:
    holder = _source(state, params["PolicySourceArn"], ctx)
    who = _who(state, ctx, params.get("CallerArn", "") or (holder.arn if holder.kind != GROUP else ""))
    identity = Rules(
        [(name, documents.checked(text)) for name, text in holders.sources(state, holder) if text]
        + _documents(params, "PolicyInputList")
    )
    boundary = _boundary(params)
    text = holders.document(state, holder.boundary) if holder.boundary else None
    if boundary is None and text:
        boundary = Rules([("boundary", documents.checked(text))])
    return simulation.results(Caller(who, identity, boundary), params)


async def get_context_keys_for_custom_policy(state: State, ctx: Context, params: Params) -> Params:
    return {"ContextKeyNames": simulation.keys([_given(params, "PolicyInputList")])}


async def get_context_keys_for_principal_policy(state: State, ctx: Context, params: Params) -> Params:
    holder = _source(state, params["PolicySourceArn"], ctx)
    own = [(name, documents.checked(text)) for name, text in holders.sources(state, holder) if text]
    return {"ContextKeyNames": simulation.keys([Rules(own), _given(params, "PolicyInputList")])}


def _source(state: State, arn: str, ctx: Context) -> Holder:
    holder = holders.by_arn(state, arn)
    if holder is None or holder.account != ctx.account:
        raise AwsError("NoSuchEntity", f"The entity with arn {arn} cannot be found.")
    return holder


def _who(state: State, ctx: Context, arn: str) -> Who:
    if not arn:
        return Who(f"arn:aws:iam::{ctx.account}:user/simulated", ctx.account)
    holder = holders.by_arn(state, arn)
    if holder is None:
        raise AwsError("InvalidInput", f"Invalid CallerArn: {arn}")
    return Who(arn, holder.account, holder.arn if holder.kind == "role" else "", holder.id)


def _documents(params: Params, member: str) -> list[tuple[str, Document]]:
    return [(f"{member}.{n}", documents.checked(text)) for n, text in enumerate(params.get(member, ()), 1)]


def _given(params: Params, member: str) -> Rules:
    return Rules(_documents(params, member))


def _boundary(params: Params) -> Rules | None:
    member = "PermissionsBoundaryPolicyInputList"
    return _given(params, member) if params.get(member) else None
