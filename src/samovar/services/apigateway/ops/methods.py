"""Methods and the responses that they declare (facts/apigateway.md §2)."""

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.apigateway import patch
from samovar.services.apigateway.patch import boolean, listed, text
from samovar.services.apigateway.state import Api, Rest, Shape, bad, must

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "ANY")
_AUTHORIZATIONS = ("NONE", "AWS_IAM", "CUSTOM", "COGNITO_USER_POOLS")
_MAP = "add replace remove"
_RULES: patch.Rules = {
    "/authorizationType": text(),
    "/authorizerId": text(),
    "/authorizationScopes": listed("add remove"),
    "/apiKeyRequired": boolean(),
    "/operationName": text("add replace remove"),
    "/requestValidatorId": text("add replace remove"),
    "/requestParameters/*": boolean(_MAP),
    "/requestModels/*": text(_MAP),
}
_RESPONSE_RULES: patch.Rules = {"/responseParameters/*": boolean(_MAP), "/responseModels/*": text(_MAP)}
_KEPT = (
    "authorizationType", "authorizerId", "operationName", "requestParameters", "requestModels", "requestValidatorId",
    "authorizationScopes",
)  # fmt: skip
NO_RESPONSE = "Invalid Response status code specified"


async def put_method(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    resource, name = state.resource(api, params["resourceId"]), params["httpMethod"]
    if name not in METHODS:
        raise bad(f"Invalid HttpMethod specified. Valid options are {','.join(METHODS)}")
    if name in resource.methods:
        raise AwsError("ConflictException", "Method already exists for this resource")
    given = {"httpMethod": name, "apiKeyRequired": bool(params.get("apiKeyRequired"))}
    given |= {member: params[member] for member in _KEPT if params.get(member)}
    shape = _checked(api, given)
    await state.keep_method(api, resource, name, shape)
    return shape


def _checked(api: Api, shape: Shape) -> Shape:
    """The method, if it fits its API."""
    kind, definition = shape.get("authorizationType"), api.definition
    if kind == "JWT":
        raise AwsError(
            "NotImplementedException",
            "Methods with the authorization type JWT are not here yet; take COGNITO_USER_POOLS or a CUSTOM authorizer.",
        )
    if kind not in _AUTHORIZATIONS:
        raise bad("Invalid authorization type specified. Valid options are NONE,AWS_IAM,CUSTOM,COGNITO_USER_POOLS")
    if kind in ("CUSTOM", "COGNITO_USER_POOLS"):
        found = definition.authorizers.get(shape.get("authorizerId") or "")
        if found is None or (found["type"] == "COGNITO_USER_POOLS") != (kind == "COGNITO_USER_POOLS"):
            raise bad(
                "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS "
                "requires a valid authorizer."
            )
    else:
        shape.pop("authorizerId", None)
    _check_parameters(shape.get("requestParameters") or {})
    for model in (shape.get("requestModels") or {}).values():
        if model not in definition.models:
            raise bad(f"Invalid model identifier specified: {model}")
    validator = shape.get("requestValidatorId")
    if validator and validator not in definition.validators:
        raise bad("Invalid Request Validator identifier specified")
    return shape


def _check_parameters(parameters: Shape) -> None:
    for name in parameters:
        head, _, last = name.rpartition(".")
        if not last or head not in (
            "method.request.header",
            "method.request.querystring",
            "method.request.path",
            "method.request.multivalueheader",
            "method.request.multivaluequerystring",
        ):
            raise bad(
                "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping "
                f"expression parameter specified: {name}]"
            )
    names = [name.rpartition(".")[2] for name in parameters]
    if len(set(names)) < len(names):
        raise bad("Parameter names must be unique across querystring, header and path")


async def get_method(state: Rest, ctx: Context, params: Params) -> Params:
    return state.method(state.api(ctx, params["restApiId"]), params["resourceId"], params["httpMethod"])[1]


async def update_method(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    resource, shape = state.method(api, params["resourceId"], params["httpMethod"])
    changed = _checked(api, patch.apply(shape, params.get("patchOperations"), _RULES))
    await state.keep_method(api, resource, params["httpMethod"], changed)
    return changed


async def delete_method(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    resource, _ = state.method(api, params["resourceId"], params["httpMethod"])
    await state.keep_method(api, resource, params["httpMethod"], None)
    return {}


# --- what a method answers


async def put_method_response(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    _, method = state.method(api, params["resourceId"], params["httpMethod"])
    if params["statusCode"] in method.get("methodResponses", {}):
        raise AwsError("ConflictException", "Response already exists for this resource")
    made: Shape = {"statusCode": params["statusCode"]}
    made |= {name: params[name] for name in ("responseParameters", "responseModels") if params.get(name)}
    return await _keep_response(state, api, params, made)


async def get_method_response(state: Rest, ctx: Context, params: Params) -> Params:
    return _response(state, state.api(ctx, params["restApiId"]), params)


async def update_method_response(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    found = _response(state, api, params)
    return await _keep_response(state, api, params, patch.apply(found, params.get("patchOperations"), _RESPONSE_RULES))


async def delete_method_response(state: Rest, ctx: Context, params: Params) -> Params:
    api = state.api(ctx, params["restApiId"])
    _response(state, api, params)
    await _keep_response(state, api, params, None)
    return {}


def _response(state: Rest, api: Api, params: Params) -> Shape:
    _, method = state.method(api, params["resourceId"], params["httpMethod"])
    return must(method.get("methodResponses", {}).get(params["statusCode"]), NO_RESPONSE)


async def _keep_response(state: Rest, api: Api, params: Params, made: Shape | None) -> Shape:
    for model in ((made or {}).get("responseModels") or {}).values():
        if model not in api.definition.models:
            raise bad(f"Invalid model identifier specified: {model}")
    resource, method = state.method(api, params["resourceId"], params["httpMethod"])
    responses = {code: each for code, each in method.get("methodResponses", {}).items() if code != params["statusCode"]}
    if made is not None:
        responses[params["statusCode"]] = made
    changed = {name: each for name, each in method.items() if name != "methodResponses"}
    if responses:
        changed["methodResponses"] = dict(sorted(responses.items()))
    await state.keep_method(api, resource, params["httpMethod"], changed)
    return made or {}
