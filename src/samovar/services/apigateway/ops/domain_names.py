"""Custom domain names and base path mappings, as version 1 shows what `web/domains` keeps (facts/apigateway.md §8)."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.apigateway import pages, patch, settings
from samovar.services.apigateway.patch import text
from samovar.services.apigateway.state import Rest, Shape, bad, must, new_id
from samovar.web import truststores
from samovar.web.domains import ApiMapping, Domain, DomainKey
from samovar.web.truststores import Truststore

NONE = "(none)"
"""The base path of a mapping for whatever no other mapping takes."""
_NAME = re.compile(r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_BASE_PATH = re.compile(r"[A-Za-z0-9$_.+!*'()-]+")
_EDGE_ZONE, _REGIONAL_ZONE = "Z2FDTNDATAQYW2", "Z1UJRXOUMOOFQ8"
_MODES = {
    "BASE_PATH_MAPPING_ONLY": "API_MAPPING_ONLY",
    "ROUTING_RULE_ONLY": "ROUTING_RULE_ONLY",
    "ROUTING_RULE_THEN_BASE_PATH_MAPPING": "ROUTING_RULE_THEN_API_MAPPING",
}
_NOBODY = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke",'
    '"Resource":"execute-api:/*"}]}'
)
_RULES: patch.Rules = {
    "/certificateArn": text(),
    "/certificateName": text(),
    "/regionalCertificateArn": text(),
    "/regionalCertificateName": text(),
    "/securityPolicy": text(),
    "/routingMode": text(),
    "/endpointConfiguration/types/*": text("add remove replace"),
    "/mutualTlsAuthentication/truststoreUri": text("add remove replace"),
    "/mutualTlsAuthentication/truststoreVersion": text("add remove replace"),
    "/ownershipVerificationCertificateArn": text("add remove replace"),
}
_PRIVATE_RULES: patch.Rules = {
    "/policy": text(),
    "/managementPolicy": text("add remove replace"),
}
_MAPPING_RULES: patch.Rules = {
    "/basePath": text(),
    "/restapiId": text(),
    "/restApiId": text(),
    "/stage": text("replace remove"),
}


async def create_domain_name(state: Rest, ctx: Context, params: Params) -> Params:
    """A private one is called as no other domain here is."""
    name = params["domainName"].lower()
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise bad("Invalid domain name specified")
    if state.domains.taken(name):
        raise AwsError("ConflictException", "The domain name you provided already exists.")
    configurations = [_configured(ctx, name, params)]
    asked = await _asked(state, ctx, params.get("mutualTlsAuthentication"), configurations)
    if state.domains.taken(name):  # meanwhile
        raise AwsError("ConflictException", "The domain name you provided already exists.")
    made = Domain(
        name=name,
        configurations=configurations,
        mutual_tls=asked.shown,
        truststore=asked.text,
        routing_mode=_mode(params.get("routingMode") or "BASE_PATH_MAPPING_ONLY"),
        tags=params.get("tags") or {},
        created_at=state.clock.now(),
    )
    if configurations[0]["EndpointType"] == "PRIVATE":
        made = msgspec.structs.replace(made, id=new_id(8))
        made = msgspec.structs.replace(made, policy=_policy(ctx, made, params.get("policy") or ""))
    elif params.get("policy"):
        raise bad("A policy is supported for private custom domain names only.")
    await state.domains.domains.put((ctx.account, ctx.region, name), made)
    return _shown(ctx, made)


def _mode(given: str) -> str:
    if given not in _MODES:
        raise bad(f"Invalid routing mode specified: {given}")
    return _MODES[given]


async def _asked(
    state: Rest, ctx: Context, given: Mapping[str, Any] | None, configurations: list[dict[str, Any]]
) -> Truststore:
    """What is asked of clients."""
    named = {name[0].upper() + name[1:]: value for name, value in (given or {}).items()}
    return await truststores.read(ctx, named, state.clock, configurations)


def _configured(ctx: Context, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Under version 2's names, with what AWS adds: what DNS is to point at."""
    types = (given.get("endpointConfiguration") or {}).get("types") or ["EDGE"]
    if len(types) != 1 or types[0] not in ("EDGE", "REGIONAL", "PRIVATE"):
        raise bad("Invalid endpoint type specified. Valid options are EDGE, REGIONAL, PRIVATE")
    edge, private = types[0] == "EDGE", types[0] == "PRIVATE"
    if private and name.startswith("*."):
        raise bad("Wildcard custom domain names aren't supported for private domain names.")
    prefix = "regionalC" if types[0] == "REGIONAL" else "c"
    arn, label = given.get(f"{prefix}ertificateArn"), given.get(f"{prefix}ertificateName")
    if not (arn or label or given.get("certificateBody")):
        raise bad("A certificate must be specified")
    id = format(abs(int.from_bytes(f"{ctx.account}/{name}".encode(), "big")) % 36**8, "x")[:10]
    host = f"d{id}.cloudfront.net" if edge else f"d-{id}.execute-api.{ctx.region}.amazonaws.com"
    shape = {
        "EndpointType": types[0],
        "IpAddressType": "dualstack" if private else "ipv4",
        "SecurityPolicy": given.get("securityPolicy") or "TLS_1_2",
        "DomainNameStatus": "AVAILABLE",
    }
    if not private:
        shape |= {"ApiGatewayDomainName": host, "HostedZoneId": _EDGE_ZONE if edge else _REGIONAL_ZONE}
    proof = given.get("ownershipVerificationCertificateArn")
    named = (("CertificateArn", arn), ("CertificateName", label), ("OwnershipVerificationCertificateArn", proof))
    return shape | {key: value for key, value in named if value}


def _shown(ctx: Context, domain: Domain) -> Shape:
    given = domain.configurations[0]
    shape: Shape = {
        "domainName": domain.name,
        "domainNameArn": domain.arn((ctx.account, ctx.region)),
        "endpointConfiguration": {"types": [given["EndpointType"]], "ipAddressType": given["IpAddressType"]},
        "domainNameStatus": given["DomainNameStatus"],
        "securityPolicy": given["SecurityPolicy"],
        "routingMode": next(name for name, mode in _MODES.items() if mode == domain.routing_mode),
    }
    names = ("certificateArn", "certificateName", "distributionDomainName", "distributionHostedZoneId")
    if given["EndpointType"] == "REGIONAL":
        names = ("regionalCertificateArn", "regionalCertificateName", "regionalDomainName", "regionalHostedZoneId")
    sources = ("CertificateArn", "CertificateName", "ApiGatewayDomainName", "HostedZoneId")
    shape |= {name: given[source] for name, source in zip(names, sources, strict=True) if source in given}
    if given["EndpointType"] != "REGIONAL":
        shape["certificateUploadDate"] = int(domain.created_at)
    if "OwnershipVerificationCertificateArn" in given:
        shape["ownershipVerificationCertificateArn"] = given["OwnershipVerificationCertificateArn"]
    if domain.id:
        shape |= {"domainNameId": domain.id, "policy": domain.policy}
        if domain.management_policy:
            shape["managementPolicy"] = domain.management_policy
    if domain.mutual_tls:
        shape["mutualTlsAuthentication"] = {
            name[0].lower() + name[1:]: each for name, each in domain.mutual_tls.items()
        }
    return {**shape, "tags": domain.tags} if domain.tags else shape


async def get_domain_name(state: Rest, ctx: Context, params: Params) -> Params:
    return _shown(ctx, _domain(state, ctx, params)[1])


async def get_domain_names(state: Rest, ctx: Context, params: Params) -> Params:
    """All are one's own: none are shared with other accounts."""
    found = (_shown(ctx, each) for _, each in state.domains.domains.items((ctx.account, ctx.region)))
    mine = () if params.get("resourceOwner") == "OTHER_ACCOUNTS" else found
    return pages.cut(mine, params, by="domainName")


async def update_domain_name(state: Rest, ctx: Context, params: Params) -> Params:
    key, domain = _domain(state, ctx, params)
    operations = []
    for operation in params.get("patchOperations") or ():
        if (operation.get("path") or "").startswith("/endpointConfiguration/types/"):
            operation = {
                "op": "replace",
                "path": "/endpointConfiguration/types/0",
                "value": operation.get("value") or "",
            }
        operations.append(operation)
    rules = {**_RULES, **_PRIVATE_RULES} if domain.id else _RULES
    shape = patch.apply({**_shown(ctx, domain), "endpointConfiguration": {"types": {}}}, operations, rules)
    types = list(shape["endpointConfiguration"]["types"].values()) or [domain.configurations[0]["EndpointType"]]
    configurations = [_configured(ctx, domain.name, {**shape, "endpointConfiguration": {"types": types}})]
    asked = Truststore(domain.mutual_tls, domain.truststore)
    if any((each.get("path") or "").startswith("/mutualTls") for each in operations):
        asked = await _asked(state, ctx, shape.get("mutualTlsAuthentication"), configurations)
        key, domain = _domain(state, ctx, params)
    elif asked.shown is not None:
        truststores.check(configurations)
    if (configurations[0]["EndpointType"] == "PRIVATE") != bool(domain.id):
        raise bad("The endpoint type of a domain name can't be changed to or from PRIVATE.")
    if domain.id:
        policy, managing = _policy(ctx, domain, shape["policy"]), shape.get("managementPolicy") or ""
        domain = msgspec.structs.replace(domain, policy=policy, management_policy=managing)
    changed = msgspec.structs.replace(
        domain,
        configurations=configurations,
        mutual_tls=asked.shown,
        truststore=asked.text,
        routing_mode=_mode(shape["routingMode"]),
    )
    await state.domains.domains.put(key, changed)
    return _shown(ctx, changed)


async def delete_domain_name(state: Rest, ctx: Context, params: Params) -> Params:
    await state.domains.remove(_domain(state, ctx, params)[0])
    return {}


def _domain(state: Rest, ctx: Context, params: Params) -> tuple[DomainKey, Domain]:
    """A private one is named with its id."""
    key = (ctx.account, ctx.region, params["domainName"].lower())
    found = state.domains.domains.get(key)
    if found is not None and found.id != (params.get("domainNameId") or ""):
        found = None
    return key, must(found, "Invalid domain name identifier specified")


def _policy(ctx: Context, domain: Domain, text: str) -> str:
    """Nobody is let in before there is one ("Step 1" of AWS's tutorial); `execute-api:/*` is the domain itself."""
    resource = domain.arn((ctx.account, ctx.region)).replace(":apigateway:", ":execute-api:")
    return settings.written_out(text or _NOBODY, lambda _: resource)


# --- base path mappings


async def create_base_path_mapping(state: Rest, ctx: Context, params: Params) -> Params:
    key, _ = _domain(state, ctx, params)
    base, stage = params.get("basePath") or "", params.get("stage") or ""
    mapping = ApiMapping(new_id(6), params["restApiId"], stage, "" if base == NONE else base)
    return await _keep(state, ctx, key, mapping)


async def _keep(state: Rest, ctx: Context, key: DomainKey, mapping: ApiMapping) -> Shape:
    if mapping.path and not _BASE_PATH.fullmatch(mapping.path):
        raise bad(
            "API Gateway V1 doesn't support the slash character (/) in base path mappings. To create a multi-level "
            "base path mapping, use API Gateway V2."
        )
    for _, other in state.domains.mappings.items(key):
        if other.path == mapping.path and other.id != mapping.id:
            raise AwsError("ConflictException", "Base path already exists for this domain name")
    api = state.apis.get((ctx.account, ctx.region, mapping.api))
    if api is None:
        raise bad("Invalid REST API identifier specified")
    domain = state.domains.domains.get(key)
    if domain is not None and domain.id and api.definition.settings["endpointConfiguration"]["types"] != ["PRIVATE"]:
        raise bad("Only private APIs can be mapped to a private custom domain name.")
    if mapping.stage and state.stages.get((*api.key, mapping.stage)) is None:
        raise bad("Invalid stage identifier specified")
    await state.domains.mappings.put((*key, mapping.id), mapping)
    return _mapping_shown(mapping)


async def get_base_path_mapping(state: Rest, ctx: Context, params: Params) -> Params:
    return _mapping_shown(_mapping(state, _domain(state, ctx, params)[0], params))


async def get_base_path_mappings(state: Rest, ctx: Context, params: Params) -> Params:
    key, _ = _domain(state, ctx, params)
    found = (_mapping_shown(each) for _, each in state.domains.mappings.items(key))
    return pages.cut(found, params, by="basePath")


async def update_base_path_mapping(state: Rest, ctx: Context, params: Params) -> Params:
    key, _ = _domain(state, ctx, params)
    old = _mapping(state, key, params)
    shape = patch.apply(_mapping_shown(old), params.get("patchOperations"), _MAPPING_RULES)
    api = shape.get("restapiId") or shape["restApiId"]
    base = "" if shape["basePath"] == NONE else shape["basePath"]
    return await _keep(state, ctx, key, ApiMapping(old.id, api, shape.get("stage") or "", base))


async def delete_base_path_mapping(state: Rest, ctx: Context, params: Params) -> Params:
    key, _ = _domain(state, ctx, params)
    await state.domains.mappings.delete((*key, _mapping(state, key, params).id))
    return {}


def _mapping(state: Rest, key: DomainKey, params: Params) -> ApiMapping:
    base = "" if params["basePath"] == NONE else params["basePath"]
    found = next((each for _, each in state.domains.mappings.items(key) if each.path == base), None)
    return must(found, "Invalid base path mapping identifier specified")


def _mapping_shown(mapping: ApiMapping) -> Shape:
    shape = {"basePath": mapping.path or NONE, "restApiId": mapping.api}
    return {**shape, "stage": mapping.stage} if mapping.stage else shape
