"""Authorizers (facts/apigateway.md §7)."""

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.apigateway import expressions, pages, patch
from samovar.services.apigateway.patch import integer, listed, text
from samovar.services.apigateway.state import Api, Rest, Shape, bad, full, must, new_id
from samovar.web import service_requests

MOST_AUTHORIZERS = 10
LONGEST_TTL_S = 3600
_MISSING = "Invalid Authorizer identifier specified"
_RULES: patch.Rules = {
    "/name": text(),
    "/type": text(),
    "/authType": text(),
    "/authorizerUri": text(),
    "/authorizerCredentials": text("add replace remove"),
    "/identitySource": text(),
    "/identityValidationExpression": text("add replace remove"),
    "/authorizerResultTtlInSeconds": integer(),
    "/providerARNs": listed("add remove"),
}
_KEPT = (
    "name", "type", "providerARNs", "authType", "authorizerUri", "authorizerCredentials", "identitySource",
    "identityValidationExpression",
)  # fmt: skip


async def create_authorizer(state: Rest, ctx: Context, params: Params) -> Params:
    """Not of the type JWT; COGNITO_USER_POOLS and Lambda functions."""
    api = state.api(ctx, params["restApiId"])
    known = api.definition.authorizers
    if any(each["name"] == params["name"] for each in known.values()):
        raise bad(f"Authorizer name must be unique. Authorizer {params['name']} already exists in this RestApi.")
    if len(known) >= MOST_AUTHORIZERS:
        raise full("Authorizers")
    shape = {"id": new_id(6), **{name: params[name] for name in _KEPT if params.get(name)}}
    ttl = params.get("authorizerResultTtlInSeconds")
    if params["type"] in ("TOKEN", "REQUEST"):
        shape["authorizerResultTtlInSeconds"] = 300 if ttl is None else ttl
    return await _keep(state, api, shape)


def _checked(shape: Shape) -> Shape:
    kind = shape["type"]
    if kind == "JWT":
        raise AwsError("NotImplementedException", "JWT authorizers of REST APIs are not here yet; HTTP APIs have them.")
    if kind == "COGNITO_USER_POOLS":
        if not shape.get("providerARNs"):
            raise bad("Invalid provider ARNs: at least one user pool is required")
        shape.setdefault("identitySource", "method.request.header.Authorization")
        return {**shape, "authType": "cognito_user_pools"}
    place = service_requests.place(shape.get("authorizerUri") or "")
    if place is None or not place.function:
        raise bad(
            "Invalid Authorizer URI: it should be a valid API Gateway ARN that represents a Lambda function invocation."
        )
    ttl = shape.get("authorizerResultTtlInSeconds", 300)
    if not 0 <= ttl <= LONGEST_TTL_S:
        raise bad("Authorizer result TTL must be between 0 and 3600 seconds")
    sources = [each for each in (shape.get("identitySource") or "").split(",") if each.strip()]
    for each in sources:
        if expressions.identity_source(each) is None:
            raise bad(f"Invalid identity source expression: {each.strip()}")
    if kind == "TOKEN" and (len(sources) != 1 or not sources[0].strip().startswith("method.request.header.")):
        raise bad("Invalid identity source: a TOKEN authorizer takes one request header")
    if kind == "REQUEST" and ttl and not sources:
        raise bad("Identity sources are required when authorization caching is enabled")
    return {**shape, "authType": shape.get("authType") or "custom"}


async def get_authorizer(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    return must(api.definition.authorizers.get(params["authorizerId"]), _MISSING)


async def get_authorizers(state: Rest, ctx: Context, params: Params) -> Params:
    return pages.cut(state.api(ctx, params["restApiId"]).definition.authorizers.values(), params)


async def update_authorizer(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    shape = must(api.definition.authorizers.get(params["authorizerId"]), _MISSING)
    return await _keep(state, api, patch.apply(shape, params.get("patchOperations"), _RULES))


async def delete_authorizer(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    id = params["authorizerId"]
    must(api.definition.authorizers.get(id), _MISSING)
    for resource in api.definition.resources.values():
        for name, method in resource.methods.items():
            if method.get("authorizerId") == id:
                where = f"{api.definition.path(resource)}/{name}"
                raise AwsError(
                    "ConflictException", f"Cannot delete authorizer '{id}', is referenced in method: {where}"
                )
    left = {each: shape for each, shape in api.definition.authorizers.items() if each != id}
    await state.define(api, msgspec.structs.replace(api.definition, authorizers=left))
    return {}


async def _keep(state: Rest, api: Api, shape: Shape) -> Shape:
    checked = _checked(shape)
    authorizers = {**api.definition.authorizers, checked["id"]: checked}
    await state.define(api, msgspec.structs.replace(api.definition, authorizers=authorizers))
    return checked
