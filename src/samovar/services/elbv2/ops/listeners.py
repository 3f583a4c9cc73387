"""Listeners: made, described, changed, deleted; their certificates and attributes."""

import re

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.ids import hex_id
from samovar.services.elbv2 import actions, attributes, pages, tags, views
from samovar.services.elbv2.elb import Elb
from samovar.services.elbv2.errors import bad_action, configuration, invalid, not_here
from samovar.services.elbv2.records import Listener, is_network, target_groups
from samovar.services.elbv2.state import listener_key, rule_key

_MOST = 50
_MOST_CERTIFICATES = 26
_POLICY = "ELBSecurityPolicy-2016-08"
_POLICIES = re.compile(r"ELBSecurityPolicy-[A-Za-z0-9-]+")
_CERTIFICATE = re.compile(r"arn:aws[a-z-]*:(?:acm:[a-z0-9-]+:\d{12}:certificate|iam::\d{12}:server-certificate)/.+")


async def create_listener(elb: Elb, ctx: Context, params: Params) -> Params:
    """HTTP and HTTPS, and TCP of Network Load Balancers. What HTTPS shows is the server's certificate (`--tls`),
    whatever ARNs are given. Not here: mutual authentication."""
    state = elb.state
    balancer = state.balancer(ctx, params["LoadBalancerArn"])
    if not params.get("Protocol") or not params.get("Port"):
        raise invalid("A listener protocol and port must be specified")
    mine = state.listeners_of(balancer.arn)
    _check_free(mine, params["Port"], balancer.arn)
    if len(mine) >= _MOST:
        raise AwsError("TooManyListenersException", "You have reached the maximum number of listeners")
    made = _secured(
        Listener(
            arn=f"{balancer.arn.replace(':loadbalancer/', ':listener/')}/{hex_id(16)}",
            load_balancer=balancer.arn,
            protocol=_protocol(params["Protocol"], balancer.arn),
            port=params["Port"],
            actions=actions.checked(params["DefaultActions"], params["Protocol"]),
            tags=tags.given(params),
        ),
        params,
    )
    _check_actions(elb, ctx, made)
    _check_opens(elb, made)
    await state.listeners.put(listener_key(made), made)
    await elb.changed()
    return {"Listeners": [views.listener(made)]}


async def describe_listeners(elb: Elb, ctx: Context, params: Params) -> Params:
    balancer, arns = params.get("LoadBalancerArn"), params.get("ListenerArns") or []
    if bool(balancer) is bool(arns):
        raise invalid("You must specify either listener ARNs or a load balancer ARN")
    if balancer:
        found = elb.state.listeners_of(elb.state.balancer(ctx, balancer).arn)
    else:
        found = [elb.state.listener(ctx, each) for each in arns]
    page, more = pages.cut(found, lambda each: each.arn, params)
    return {"Listeners": [views.listener(each) for each in page], **more}


async def modify_listener(elb: Elb, ctx: Context, params: Params) -> Params:
    """What isn't named stays. Not here: mutual authentication."""
    state = elb.state
    before = state.listener(ctx, params["ListenerArn"])
    port = params.get("Port") or before.port
    others = [each for each in state.listeners_of(before.load_balancer) if each.arn != before.arn]
    _check_free(others, port, before.load_balancer)
    protocol = _protocol(params.get("Protocol") or before.protocol, before.load_balancer)
    after = msgspec.structs.replace(before, port=port, protocol=protocol)
    if params.get("DefaultActions"):
        after = msgspec.structs.replace(after, actions=actions.checked(params["DefaultActions"], protocol))
    if protocol != "HTTPS":
        after = msgspec.structs.replace(after, certificates=[], ssl_policy="")
    after = _secured(after, params)
    _check_actions(elb, ctx, after)
    if after.port != before.port:
        _check_opens(elb, after)
    await state.listeners.put(listener_key(after), after)
    await elb.changed()
    return {"Listeners": [views.listener(after)]}


async def delete_listener(elb: Elb, ctx: Context, params: Params) -> Params:
    """With its rules."""
    found = elb.state.listener(ctx, params["ListenerArn"])
    state = elb.state
    await state.store.transact(
        state.listeners.deleting(listener_key(found)),
        *(state.rules.deleting(rule_key(each)) for each in state.rules_of(found.arn)),
    )
    await elb.changed()
    return {}


async def describe_listener_attributes(elb: Elb, ctx: Context, params: Params) -> Params:
    found = elb.state.listener(ctx, params["ListenerArn"])
    return {"Attributes": attributes.shown(attributes.LISTENER, found.attributes)}


async def modify_listener_attributes(elb: Elb, ctx: Context, params: Params) -> Params:
    """Not here: names of headers for mutual authentication, headers that are set in every answer."""
    found = elb.state.listener(ctx, params["ListenerArn"])
    after = attributes.changed(attributes.LISTENER, found.attributes, params["Attributes"])
    await elb.state.listeners.put(listener_key(found), msgspec.structs.replace(found, attributes=after))
    return {"Attributes": attributes.shown(attributes.LISTENER, after)}


async def describe_listener_certificates(elb: Elb, ctx: Context, params: Params) -> Params:
    found = elb.state.listener(ctx, params["ListenerArn"])
    page, more = pages.cut(found.certificates, str, params)
    default = found.certificates[:1]
    return {"Certificates": [{"CertificateArn": each, "IsDefault": [each] == default} for each in page], **more}


async def add_listener_certificates(elb: Elb, ctx: Context, params: Params) -> Params:
    """They are kept and shown; what clients see is the server's certificate."""
    found = elb.state.listener(ctx, params["ListenerArn"])
    if found.protocol != "HTTPS":
        raise invalid("Certificates can only be added to HTTPS listeners")
    given = [_certificate(each) for each in params["Certificates"]]
    after = list(dict.fromkeys([*found.certificates, *given]))
    if len(after) > _MOST_CERTIFICATES:
        raise AwsError("TooManyCertificatesException", "You have reached the maximum number of certificates")
    await elb.state.listeners.put(listener_key(found), msgspec.structs.replace(found, certificates=after))
    return {"Certificates": [{"CertificateArn": each, "IsDefault": False} for each in given]}


async def remove_listener_certificates(elb: Elb, ctx: Context, params: Params) -> Params:
    found = elb.state.listener(ctx, params["ListenerArn"])
    gone = {each.get("CertificateArn") for each in params["Certificates"]}
    if gone & set(found.certificates[:1]):
        raise AwsError("OperationNotPermittedException", "The default certificate of a listener cannot be removed")
    kept = [each for each in found.certificates if each not in gone]
    await elb.state.listeners.put(listener_key(found), msgspec.structs.replace(found, certificates=kept))
    return {}


def _check_actions(elb: Elb, ctx: Context, listener: Listener) -> None:
    if is_network(listener.arn) and len(target_groups(listener.actions)) != 1:
        raise bad_action("A listener of a network load balancer forwards to one target group")
    elb.check_groups(ctx, listener.actions, "TCP" if is_network(listener.arn) else "")


def _protocol(protocol: str, balancer: str) -> str:
    if is_network(balancer):
        if protocol not in ("TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC"):
            text = "Listener protocol '{}' must be one of 'TCP, TLS, UDP, TCP_UDP' for network load balancers"
            raise invalid(text.format(protocol))
        if protocol != "TCP":
            raise not_here(f"The listener protocol {protocol}")
        return protocol
    if protocol not in ("HTTP", "HTTPS"):
        text = "Listener protocol '{}' must be one of 'HTTP, HTTPS' for application load balancers"
        raise invalid(text.format(protocol))
    return protocol


def _check_free(others: list[Listener], port: int, balancer: str) -> None:
    if any(each.port == port for each in others):
        text = f"A listener already exists on this port for this load balancer '{balancer}'"
        raise AwsError("DuplicateListenerException", text)


def _check_opens(elb: Elb, listener: Listener) -> None:
    refusal = elb.ports.refusal(listener)
    if refusal:
        raise configuration(refusal)


def _secured(listener: Listener, params: Params) -> Listener:
    """With its certificates and policy, which HTTPS needs and HTTP mustn't have."""
    mutual = params.get("MutualAuthentication") or {}
    if mutual.get("Mode", "off") != "off":
        raise not_here("Mutual authentication")
    given = [_certificate(each) for each in params.get("Certificates") or []]
    policy = params.get("SslPolicy") or listener.ssl_policy
    if listener.protocol != "HTTPS":
        if given or policy:
            raise invalid(f"Certificates and an SSL policy cannot be specified for {listener.protocol} listeners")
        return listener
    if len(given) > 1:
        raise AwsError("TooManyCertificatesException", "Only one certificate can be specified for a listener")
    if not given and not listener.certificates:
        raise AwsError("CertificateNotFoundException", "A certificate must be specified for HTTPS listeners")
    if policy and not _POLICIES.fullmatch(policy):
        raise AwsError("SSLPolicyNotFoundException", f"SSL policy '{policy}' not found")
    certificates = [*given, *(each for each in listener.certificates[1:] if each not in given)]
    certificates = certificates if given else listener.certificates
    return msgspec.structs.replace(listener, certificates=certificates, ssl_policy=policy or _POLICY)


def _certificate(given: Params) -> str:
    found: str = given.get("CertificateArn") or ""
    if not _CERTIFICATE.fullmatch(found):
        raise AwsError("CertificateNotFoundException", f"Certificate '{found}' not found")
    return found
