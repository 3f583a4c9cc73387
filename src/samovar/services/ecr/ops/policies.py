"""Policies: of repositories, which decide who may push and pull, and of the registry."""

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.policy import grammar
from samovar.policy.grammar import Kind
from samovar.services.ecr import errors, view
from samovar.services.ecr.house import House
from samovar.services.ecr.records import Repository


async def set_repository_policy(house: House, ctx: Context, params: Params) -> Params:
    """`force` changes nothing: a policy may lock its author out."""
    found, text = house.state.repository(ctx, params), params["policyText"]
    _check(text, "Invalid repository policy provided", about_itself=True)
    await house.state.change(found, policy=text)
    return {**view.place(found), "policyText": text}


async def get_repository_policy(house: House, ctx: Context, params: Params) -> Params:
    found = _with_policy(house.state.repository(ctx, params))
    return {**view.place(found), "policyText": found.policy}


async def delete_repository_policy(house: House, ctx: Context, params: Params) -> Params:
    found = _with_policy(house.state.repository(ctx, params))
    await house.state.change(found, policy="")
    return {**view.place(found), "policyText": found.policy}


async def put_registry_policy(house: House, ctx: Context, params: Params) -> Params:
    """Kept and shown: what it permits, replication and caches, isn't here."""
    text = params["policyText"]
    _check(text, "Invalid registry policy provided", about_itself=False)
    await house.state.change_registry(ctx, policy=text)
    return {"registryId": ctx.account, "policyText": text}


async def get_registry_policy(house: House, ctx: Context, params: Params) -> Params:
    return {"registryId": ctx.account, "policyText": _registry_policy(house, ctx)}


async def delete_registry_policy(house: House, ctx: Context, params: Params) -> Params:
    text = _registry_policy(house, ctx)
    await house.state.change_registry(ctx, policy="")
    return {"registryId": ctx.account, "policyText": text}


def _check(text: str, refusal: str, about_itself: bool) -> None:
    """`about_itself`: the policy is about what it hangs on, and names no resources."""
    try:
        grammar.parse(text, Kind.RESOURCE)
    except grammar.Malformed:
        raise errors.invalid("PolicyText", refusal) from None
    statements = msgspec.json.decode(text)["Statement"]
    for each in statements if isinstance(statements, list) else [statements]:
        if about_itself is ("Resource" in each or "NotResource" in each):
            raise errors.invalid("PolicyText", refusal)


def _with_policy(found: Repository) -> Repository:
    if not found.policy:
        text = f"Repository policy does not exist for the repository with name '{found.name}' in the registry with id "
        raise AwsError("RepositoryPolicyNotFoundException", f"{text}'{found.account}'")
    return found


def _registry_policy(house: House, ctx: Context) -> str:
    text = house.state.registry(ctx).policy
    if not text:
        told = f"Registry policy does not exist in the registry with id '{ctx.account}'"
        raise AwsError("RegistryPolicyNotFoundException", told)
    return text
