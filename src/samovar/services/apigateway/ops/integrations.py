"""Integrations and their responses (facts/apigateway.md §2, §4)."""

import re

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.apigateway import expressions, patch, uris
from samovar.services.apigateway.ops.methods import NO_RESPONSE
from samovar.services.apigateway.patch import boolean, element, integer, text
from samovar.services.apigateway.state import Api, Resource, Rest, Shape, bad, must

_MAP = "add replace remove"
_RULES: patch.Rules = {
    "/type": text(),
    "/httpMethod": text(),
    "/uri": text(),
    "/connectionType": text(),
    "/connectionId": text("replace remove"),
    "/credentials": text("add replace remove"),
    "/requestParameters/*": text(_MAP),
    "/requestTemplates/*": text(_MAP),
    "/passthroughBehavior": text(),
    "/contentHandling": text("add replace remove"),
    "/timeoutInMillis": integer(),
    "/cacheNamespace": text(),
    "/cacheKeyParameters/*": element("add remove"),
    "/tlsConfig/insecureSkipVerification": boolean(),
    "/responseTransferMode": text(),
    "/integrationTarget": text(),
}
_RESPONSE_RULES: patch.Rules = {
    "/selectionPattern": text("add replace remove"),
    "/contentHandling": text("add replace remove"),
    "/responseParameters/*": text(_MAP),
    "/responseTemplates/*": text(_MAP),
}
_KEPT = (
    "uri", "connectionId", "credentials", "requestParameters", "requestTemplates", "contentHandling", "tlsConfig",
    "integrationTarget",
)  # fmt: skip
_RESPONSE_KEPT = ("selectionPattern", "responseParameters", "responseTemplates", "contentHandling")
SHORTEST_MS, LONGEST_MS, LONGEST_STREAM_MS = 50, 29_000, 900_000
_BALANCER = re.compile(r"arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:loadbalancer/app/[^/]+/[^/]+")
_BEHAVIOURS = ("WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER")
_NO_INTEGRATION = "Invalid Integration identifier specified"


async def put_integration(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    resource, method = state.method(api, params["resourceId"], params["httpMethod"])
    shape: Shape = {"type": params["type"]}
    if params.get("integrationHttpMethod"):
        shape["httpMethod"] = params["integrationHttpMethod"]
    shape |= {name: params[name] for name in _KEPT if params.get(name)}
    shape |= {
        "connectionType": params.get("connectionType") or "INTERNET",
        "passthroughBehavior": params.get("passthroughBehavior") or "WHEN_NO_MATCH",
        "timeoutInMillis": params.get("timeoutInMillis") or LONGEST_MS,
        "cacheNamespace": params.get("cacheNamespace") or resource.id,
        "cacheKeyParameters": list(params.get("cacheKeyParameters") or ()),
        "responseTransferMode": params.get("responseTransferMode") or "BUFFERED",
    }
    old = method.get("methodIntegration", {})
    if "integrationResponses" in old:
        shape["integrationResponses"] = old["integrationResponses"]
    return await _keep(state, ctx, api, params, shape)


def _check(api: Api, resource: Resource, method: Shape, shape: Shape) -> None:
    uris.check(shape)
    if shape["passthroughBehavior"] not in _BEHAVIOURS:
        raise bad(f"Invalid passthrough behavior specified. Valid options are {', '.join(_BEHAVIOURS)}")
    streams = shape.get("responseTransferMode") == "STREAM"
    if streams:
        _check_streaming(shape)
    longest = LONGEST_STREAM_MS if streams else LONGEST_MS
    if not SHORTEST_MS <= shape["timeoutInMillis"] <= longest:
        raise bad(f"Timeout should be between {SHORTEST_MS} ms and {longest} ms")
    expressions.check_request(shape.get("requestParameters") or {})


async def _check_private(state: Rest, ctx: Context, shape: Shape) -> None:
    """A private integration leads over a link of version 2 to an Application Load Balancer, or over one of version 1 to
    the network load balancer that the link names."""
    link, target = shape.get("connectionId") or "", shape.get("integrationTarget") or ""
    if shape["type"] not in ("HTTP", "HTTP_PROXY"):
        raise bad("Connection type VPC_LINK is only supported for integrations of type HTTP and HTTP_PROXY")
    if not link:
        raise bad("ConnectionId is required for connection type VPC_LINK")
    if "${stageVariables." in link:
        return
    if state.links.get((ctx.account, ctx.region, link)) is not None:
        if target:
            raise bad("IntegrationTarget can only be specified for a VPC link of version 2")
        return
    try:
        await ctx.call("apigatewayv2", "GetVpcLink", {"VpcLinkId": link})
    except AwsError as error:
        if error.code != "NotFoundException":
            raise
        raise bad(f"Invalid Vpc Link identifier specified {link}") from None
    if not target:
        raise bad("IntegrationTarget, the ARN of a load balancer, is required for a VPC link of version 2")
    if not _BALANCER.fullmatch(target):
        raise bad("IntegrationTarget must be the ARN of an Application Load Balancer")


def _check_streaming(shape: Shape) -> None:
    """Only proxies stream, and a function only by the operation that does."""
    if shape["type"] not in ("AWS_PROXY", "HTTP_PROXY"):
        raise bad("Response transfer mode STREAM is only supported for integrations of type AWS_PROXY and HTTP_PROXY")
    if shape["type"] == "AWS_PROXY" and not shape["uri"].endswith("/response-streaming-invocations"):
        raise bad("Response transfer mode STREAM needs the URI of InvokeWithResponseStream for the function")


async def get_integration(state: Rest, ctx: Context, params: Params) -> Params:
    return _found(state, state.api(ctx, params["restApiId"]), params)


async def update_integration(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    shape = patch.apply(_found(state, api, params), params.get("patchOperations"), _RULES)
    return await _keep(state, ctx, api, params, shape)


async def delete_integration(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    _found(state, api, params)
    await _keep(state, ctx, api, params, None)
    return {}


def _found(state: Rest, api: Api, params: Params) -> Shape:
    _, method = state.method(api, params["resourceId"], params["httpMethod"])
    found: Shape = must(method.get("methodIntegration"), _NO_INTEGRATION)
    return found


async def _keep(state: Rest, ctx: Context, api: Api, params: Params, shape: Shape | None) -> Shape:
    resource, method = state.method(api, params["resourceId"], params["httpMethod"])
    changed = {name: each for name, each in method.items() if name != "methodIntegration"}
    if shape is not None:
        _check(api, resource, method, shape)
        if shape.get("connectionType") == "VPC_LINK":
            await _check_private(state, ctx, shape)
        changed["methodIntegration"] = shape
    await state.keep_method(api, resource, params["httpMethod"], changed)
    return shape or {}


# --- what becomes of their answers


async def put_integration_response(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    made: Shape = {"statusCode": params["statusCode"]}
    made |= {name: params[name] for name in _RESPONSE_KEPT if params.get(name) not in (None, {})}
    return await _keep_response(state, ctx, api, params, made)


async def get_integration_response(state: Rest, ctx: Context, params: Params) -> Params:
    return _response(state, state.api(ctx, params["restApiId"]), params)


async def update_integration_response(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    changed = patch.apply(_response(state, api, params), params.get("patchOperations"), _RESPONSE_RULES)
    return await _keep_response(state, ctx, api, params, changed)


async def delete_integration_response(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    _response(state, api, params)
    await _keep_response(state, ctx, api, params, None)
    return {}


def _response(state: Rest, api: Api, params: Params) -> Shape:
    found = _found(state, api, params).get("integrationResponses", {}).get(params["statusCode"])
    return must(found, NO_RESPONSE)


async def _keep_response(
    state: Rest, ctx: Context, api: Api, params: Params, made: Shape | None
) -> Shape:
    shape = _found(state, api, params)
    _, method = state.method(api, params["resourceId"], params["httpMethod"])
    if made is not None:
        expressions.check_response(made.get("responseParameters") or {})
        declared = method.get("methodResponses", {}).get(params["statusCode"], {}).get("responseParameters", {})
        undeclared = [name for name in made.get("responseParameters") or {} if name not in declared]
        if undeclared:
            raise bad(
                "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping "
                f"expression parameter specified: {undeclared[0]}]"
            )
    old = shape.get("integrationResponses", {})
    responses = {code: each for code, each in old.items() if code != params["statusCode"]}
    if made is not None:
        responses[params["statusCode"]] = made
    changed = {name: each for name, each in shape.items() if name != "integrationResponses"}
    if responses:
        changed["integrationResponses"] = dict(sorted(responses.items()))
    await _keep(state, ctx, api, params, changed)
    return made or {}
