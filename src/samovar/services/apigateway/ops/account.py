"""The account's settings, and VPC links (facts/apigateway.md §2)."""

import re

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.apigateway import pages, patch
from samovar.services.apigateway.state import Item, Rest, Shape, bad, must, new_id

_RULES: patch.Rules = {
    "/cloudwatchRoleArn": patch.text("replace remove add"),
    "/features": patch.listed("add remove"),
}
_LINK_RULES: patch.Rules = {"/name": patch.text(), "/description": patch.text()}
_NETWORK = re.compile(r"arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:loadbalancer/net/[^/]+/[^/]+")
_NO_LINK = "Invalid Vpc Link identifier specified"


async def get_account(state: Rest, ctx: Context, params: Params) -> Params:
    item = state.accounts.get((ctx.account, ctx.region))
    throttle = {"burstLimit": state.rate.burst, "rateLimit": float(state.rate.per_s)}
    shape: Shape = {"throttleSettings": throttle, "features": ["UsagePlans"], "apiKeyVersion": "4"}
    return shape | (item.shape if item else {})


async def update_account(state: Rest, ctx: Context, params: Params) -> Params:
    item = state.accounts.get((ctx.account, ctx.region))
    changed = patch.apply(item.shape if item else {}, params.get("patchOperations"), _RULES)
    role = changed.get("cloudwatchRoleArn")
    if role and not role.startswith("arn:aws:iam::"):
        raise bad("The role ARN does not have required permissions set to API Gateway")
    if not role:
        changed.pop("cloudwatchRoleArn", None)
    await state.accounts.put((ctx.account, ctx.region), Item(changed))
    return await get_account(state, ctx, {})


# --- VPC links


async def create_vpc_link(state: Rest, ctx: Context, params: Params) -> Params:
    """To a network load balancer: available at once, or FAILED where there is no such one."""
    if len(params["targetArns"]) != 1:
        raise bad("VPC links take one target")
    shape: Shape = {"id": new_id(6), "name": params["name"], "targetArns": params["targetArns"]}
    shape |= await _status(ctx, params["targetArns"][0])
    shape |= {name: params[name] for name in ("description", "tags") if params.get(name)}
    await state.links.put((ctx.account, ctx.region, shape["id"]), Item(shape))
    return shape


async def _status(ctx: Context, target: str) -> Shape:
    if not _NETWORK.fullmatch(target):
        return {"status": "FAILED", "statusMessage": "NLB ARN is malformed."}
    try:
        await ctx.call("elbv2", "DescribeLoadBalancers", {"LoadBalancerArns": [target]})
    except AwsError as error:
        return {"status": "FAILED", "statusMessage": error.message}
    return {"status": "AVAILABLE", "statusMessage": "Your vpc link is ready for use"}


async def get_vpc_link(state: Rest, ctx: Context, params: Params) -> Params:
    return must(state.links.get((ctx.account, ctx.region, params["vpcLinkId"])), _NO_LINK).shape


async def get_vpc_links(state: Rest, ctx: Context, params: Params) -> Params:
    return pages.cut((item.shape for _, item in state.links.items((ctx.account, ctx.region))), params)


async def update_vpc_link(state: Rest, ctx: Context, params: Params) -> Params:
    key = (ctx.account, ctx.region, params["vpcLinkId"])
    changed = patch.apply(must(state.links.get(key), _NO_LINK).shape, params.get("patchOperations"), _LINK_RULES)
    await state.links.put(key, Item(changed))
    return changed


async def delete_vpc_link(state: Rest, ctx: Context, params: Params) -> Params:
    key = (ctx.account, ctx.region, params["vpcLinkId"])
    must(state.links.get(key), _NO_LINK)
    await state.links.delete(key)
    return {}
