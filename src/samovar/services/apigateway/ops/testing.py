"""TestInvokeMethod and TestInvokeAuthorizer (facts/apigateway.md §2)."""

from samovar.core.context import Context, Params
from samovar.services.apigateway.desk import Desk
from samovar.services.apigateway.plane.bench import Sent
from samovar.services.apigateway.plane.refusals import KINDS
from samovar.services.apigateway.state import Shape, bad, must


async def test_invoke_method(desk: Desk, ctx: Context, params: Params) -> Params:
    """Client certificates aren't shown to backends."""
    state = desk.state
    api = state.api(ctx, params["restApiId"])
    resource = state.resource(api, params["resourceId"])
    named = params["httpMethod"] if params["httpMethod"] in resource.methods else "ANY"  # as a request would find it
    shape = must(resource.methods.get(named), "Invalid Method identifier specified")
    if "methodIntegration" not in shape:
        raise bad("No integration defined for method")
    method = "GET" if params["httpMethod"] == "ANY" else params["httpMethod"]
    tried = await desk.bench.method(ctx, api, resource, shape, _sent(params, method))
    headers: Shape = {}
    for name, value in tried.response.headers:
        headers.setdefault(name, []).append(value)
    body = tried.response.body
    return {
        "status": tried.response.status,
        "body": body.decode(errors="replace") if isinstance(body, bytes) else "",
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "log": tried.log,
        "latency": tried.latency_ms,
    }


async def test_invoke_authorizer(desk: Desk, ctx: Context, params: Params) -> Params:
    state = desk.state
    api = state.api(ctx, params["restApiId"])
    shape = must(api.definition.authorizers.get(params["authorizerId"]), "Invalid Authorizer identifier specified")
    started = state.clock.monotonic()
    exchange, refusal, log = await desk.bench.authorizer(ctx, api, shape, _sent(params, "GET"))
    answer: Shape = {"log": log, "latency": round((state.clock.monotonic() - started) * 1000)}
    if refusal is not None:
        return {**answer, "clientStatus": refusal.status or KINDS[refusal.kind].status}
    grant = exchange.grant
    if grant is None:  # a user pool's token says who the caller is
        return {**answer, "clientStatus": 0, "claims": (exchange.authorizer or {})["claims"]}
    context = {name: [str(value)] for name, value in grant.context.items()}
    return {
        **answer,
        "clientStatus": 0,
        "principalId": grant.principal,
        "policy": grant.policy,
        "authorization": context,
    }


def _sent(params: Params, method: str) -> Sent:
    single, many = params.get("headers") or {}, params.get("multiValueHeaders") or {}
    lines = [(name, value) for name, values in many.items() for value in values]
    lines += [(name, value) for name, value in single.items() if name not in many]
    path = params.get("pathWithQueryString") or ""
    return Sent(method, path, lines, params.get("body") or "", params.get("stageVariables") or {})
