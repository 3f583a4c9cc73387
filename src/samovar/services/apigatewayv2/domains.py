"""Custom domain names as version 2 shows them: the resource itself is `web/domains` (facts/apigateway.md §8)."""

import hashlib
import re

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2.errors import bad_request, not_found
from samovar.services.apigatewayv2.state import State
from samovar.web.domains import Domain, DomainKey

_NAME = re.compile(r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_ZONE = "Z1UJRXOUMOOFQ8"
"""The hosted zone of us-east-1's regional endpoints."""


def host_name(text: str) -> str:
    """In lower case; AwsError for what is no host name."""
    name = text.lower()
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise bad_request("Invalid domain name specified")
    return name


def domain(state: State, ctx: Context, params: Params) -> tuple[DomainKey, Domain]:
    """The domain that a request names; AwsError where there is none."""
    name = str(params["DomainName"]).lower()
    found = state.domains.domains.get((ctx.account, ctx.region, name))
    if found is None or found.id:  # private ones are version 1's
        raise not_found("domain name", params["DomainName"])
    return (ctx.account, ctx.region, name), found


def target(ctx: Context, name: str) -> dict[str, str]:
    """What a DNS record of the domain points at."""
    digest = hashlib.sha256(f"{ctx.account}/{name}".encode()).hexdigest()[:10]
    return {"ApiGatewayDomainName": f"d-{digest}.execute-api.{ctx.region}.amazonaws.com", "HostedZoneId": _ZONE}


def described(ctx: Context, domain: Domain) -> Params:
    shown: Params = {
        "ApiMappingSelectionExpression": "$request.basepath",
        "DomainName": domain.name,
        "DomainNameArn": domain.arn((ctx.account, ctx.region)),
        "DomainNameConfigurations": domain.configurations,
        "RoutingMode": domain.routing_mode,
        "Tags": domain.tags,
    }
    if domain.mutual_tls:
        shown["MutualTlsAuthentication"] = domain.mutual_tls
    return shown


async def check_stage(state: State, ctx: Context, api: str, stage: str) -> None:
    """AwsError unless the API, one of ours or a REST API, has the stage."""
    place = (ctx.account, ctx.region, api)
    if state.apis.get(place) is None:
        await ctx.call("apigateway", "GetStage", {"restApiId": api, "stageName": stage})
    elif state.stages.get((*place, stage)) is None:
        raise bad_request("Invalid stage identifier specified")
