"""What operations need to be allowed (service authorization reference, AWS Elastic Load Balancing V2)."""

from collections.abc import Mapping

from samovar.core import arn
from samovar.core.access import Access, Given, Resource, on, request_tags
from samovar.core.context import Context, Params
from samovar.services.elbv2.records import listener_of, load_balancer_of
from samovar.services.elbv2.state import SERVICE, State, place

_BALANCER = """
    DeleteLoadBalancer ModifyLoadBalancerAttributes SetSecurityGroups SetSubnets SetIpAddressType CreateListener
"""
_LISTENER = """
    ModifyListener DeleteListener CreateRule AddListenerCertificates RemoveListenerCertificates
    ModifyListenerAttributes
"""
_GROUP = """
    DeleteTargetGroup ModifyTargetGroup ModifyTargetGroupAttributes RegisterTargets DeregisterTargets
"""
_CLOSE = on(
    (lambda ctx, params: str(params["LoadBalancerArn"]), _BALANCER),
    (lambda ctx, params: str(params["ListenerArn"]), _LISTENER),
    (lambda ctx, params: str(params["RuleArn"]), "ModifyRule DeleteRule"),
    (lambda ctx, params: str(params["TargetGroupArn"]), _GROUP),
    (lambda ctx, params: [str(each.get("RuleArn")) for each in params["RulePriorities"]], "SetRulePriorities"),
    (lambda ctx, params: [str(each) for each in params["ResourceArns"]], "AddTags RemoveTags"),
)
"""The descriptions are about no resource."""


def access(state: State) -> Access:
    return Access(
        SERVICE,
        {**_CLOSE, "CreateLoadBalancer": _new("loadbalancer/app"), "CreateTargetGroup": _new("targetgroup")},
        facts=_facts,
        tags=lambda text: _tags(state, text),
    )


def _new(kind: str) -> Resource:
    """A name is known already, its random end isn't yet."""
    return lambda ctx, params: arn.make(SERVICE, ctx.region, ctx.account, f"{kind}/{params['Name']}/*")


def _facts(ctx: Context, operation: str, params: Params) -> Given:
    facts = dict(request_tags({tag.get("Key", ""): tag.get("Value", "") for tag in params.get("Tags") or []}))
    for key, member in (("Scheme", "Scheme"), ("ListenerProtocol", "Protocol"), ("SecurityPolicy", "SslPolicy")):
        if params.get(member):
            facts[f"{SERVICE}:{key}"] = str(params[member])
    for key, member in (("Subnet", "Subnets"), ("SecurityGroup", "SecurityGroups")):
        if params.get(member):
            facts[f"{SERVICE}:{key}"] = tuple(map(str, params[member]))
    return facts


def _tags(state: State, text: str) -> Mapping[str, str] | None:
    if ":targetgroup/" in text:
        group = state.groups.get((*place(text), text))
        return group.tags if group else None
    if ":loadbalancer/" in text:
        balancer = state.load_balancers.get((*place(text), text))
        return balancer.tags if balancer else None
    if ":listener-rule/" in text:
        rule = state.rules.get((*place(text), listener_of(text), text))
        return rule.tags if rule else None
    listener = state.listeners.get((*place(text), load_balancer_of(text), text))
    return listener.tags if listener else None
