"""Routing rules of custom domain names: by headers and base paths, in the order of their priority."""

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2 import pages
from samovar.services.apigatewayv2.domains import check_stage, domain
from samovar.services.apigatewayv2.errors import bad_request, conflict, not_found
from samovar.services.apigatewayv2.state import State, letters
from samovar.web.domains import DomainKey, Rule


async def create_routing_rule(state: State, ctx: Context, params: Params) -> Params:
    key, _ = domain(state, ctx, params)
    return await _keep(state, ctx, key, letters(6), params)


async def put_routing_rule(state: State, ctx: Context, params: Params) -> Params:
    key, _ = domain(state, ctx, params)
    return await _keep(state, ctx, key, _found(state, key, params).id, params)


async def get_routing_rule(state: State, ctx: Context, params: Params) -> Params:
    key, _ = domain(state, ctx, params)
    return _shown(ctx, key, _found(state, key, params))


async def list_routing_rules(state: State, ctx: Context, params: Params) -> Params:
    key, _ = domain(state, ctx, params)
    found = sorted((f"{rule.priority:07}", rule) for _, rule in state.domains.rules.items(key))
    page, more = pages.cut(found, params)
    return {"RoutingRules": [_shown(ctx, key, rule) for rule in page], **more}


async def delete_routing_rule(state: State, ctx: Context, params: Params) -> Params:
    key, _ = domain(state, ctx, params)
    await state.domains.rules.delete((*key, _found(state, key, params).id))
    return {}


async def _keep(state: State, ctx: Context, key: DomainKey, id: str, params: Params) -> Params:
    rule = Rule(id, params["Priority"], params["Conditions"], params["Actions"])
    for _, other in state.domains.rules.items(key):
        if other.priority == rule.priority and other.id != id:
            raise conflict(f"A routing rule with priority {rule.priority} already exists for this domain name")
    if len(rule.actions) != 1:
        raise bad_request("A routing rule has exactly one action")
    invoked = rule.actions[0]["InvokeApi"]
    await check_stage(state, ctx, invoked["ApiId"], invoked["Stage"])
    await state.domains.rules.put((*key, id), rule)
    return _shown(ctx, key, rule)


def _found(state: State, key: DomainKey, params: Params) -> Rule:
    rule = state.domains.rules.get((*key, params["RoutingRuleId"]))
    if rule is None:
        raise not_found("routing rule", params["RoutingRuleId"])
    return rule


def _shown(ctx: Context, key: DomainKey, rule: Rule) -> Params:
    return {
        "Actions": rule.actions,
        "Conditions": rule.conditions,
        "Priority": rule.priority,
        "RoutingRuleArn": f"arn:aws:apigateway:{ctx.region}:{ctx.account}:/domainnames/{key[2]}/routingrules/{rule.id}",
        "RoutingRuleId": rule.id,
    }
