"""Create, get, update and delete custom domain names (facts/apigateway.md §8)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2 import pages
from samovar.services.apigatewayv2.domains import described, domain, host_name, target
from samovar.services.apigatewayv2.errors import bad_request, conflict
from samovar.services.apigatewayv2.state import State
from samovar.web import truststores
from samovar.web.domains import Domain


async def create_domain_name(state: State, ctx: Context, params: Params) -> Params:
    name = host_name(params["DomainName"])
    if state.domains.taken(name):
        raise conflict("The domain name you provided already exists.")
    configurations = [_configured(ctx, name, given) for given in _given(params)]
    asked = await truststores.read(ctx, params.get("MutualTlsAuthentication") or {}, state.clock, configurations)
    if state.domains.taken(name):  # meanwhile
        raise conflict("The domain name you provided already exists.")
    made = Domain(
        name=name,
        configurations=configurations,
        mutual_tls=asked.shown,
        truststore=asked.text,
        routing_mode=params.get("RoutingMode", "API_MAPPING_ONLY"),
        tags=params.get("Tags", {}),
        created_at=state.clock.now(),
    )
    await state.domains.domains.put((ctx.account, ctx.region, name), made)
    return described(ctx, made)


async def get_domain_name(state: State, ctx: Context, params: Params) -> Params:
    return described(ctx, domain(state, ctx, params)[1])


async def get_domain_names(state: State, ctx: Context, params: Params) -> Params:
    """Not private ones, which are version 1's."""
    found = ((key[2], each) for key, each in state.domains.domains.items((ctx.account, ctx.region)) if not each.id)
    page, more = pages.cut(found, params)
    return {"Items": [described(ctx, each) for each in page], **more}


async def update_domain_name(state: State, ctx: Context, params: Params) -> Params:
    key, before = domain(state, ctx, params)
    configurations = before.configurations
    if params.get("DomainNameConfigurations"):
        configurations = [_configured(ctx, before.name, given) for given in _given(params)]
    asked = truststores.Truststore(before.mutual_tls, before.truststore)
    if params.get("MutualTlsAuthentication") is not None:
        wanted: Mapping[str, Any] = {**(before.mutual_tls or {}), **params["MutualTlsAuthentication"]}
        asked = await truststores.read(ctx, wanted, state.clock, configurations)
        key, before = domain(state, ctx, params)
    elif asked.shown is not None:
        truststores.check(configurations)
    after = msgspec.structs.replace(
        before,
        configurations=configurations,
        mutual_tls=asked.shown,
        truststore=asked.text,
        routing_mode=params.get("RoutingMode", before.routing_mode),
    )
    await state.domains.domains.put(key, after)
    return described(ctx, after)


async def delete_domain_name(state: State, ctx: Context, params: Params) -> Params:
    key, _ = domain(state, ctx, params)
    await state.domains.remove(key)
    return {}


def _given(params: Params) -> list[dict[str, Any]]:
    configurations: list[dict[str, Any]] = params.get("DomainNameConfigurations") or []
    if not configurations:
        raise bad_request("At least one DomainNameConfiguration must be specified")
    return configurations


def _configured(ctx: Context, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """With what AWS adds: what DNS is to point at."""
    if given.get("EndpointType", "REGIONAL") != "REGIONAL":
        raise bad_request("Only REGIONAL endpoints are supported for domain names of this version")
    if not given.get("CertificateArn"):
        raise bad_request("A certificate must be specified")
    defaults = {"EndpointType": "REGIONAL", "IpAddressType": "ipv4", "SecurityPolicy": "TLS_1_2"}
    return {**defaults, **given, **target(ctx, name), "DomainNameStatus": "AVAILABLE"}
