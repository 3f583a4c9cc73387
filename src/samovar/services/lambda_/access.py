"""What Lambda's operations need to be allowed (service authorization reference, AWS Lambda; facts/lambda-api.md §7)."""

from collections.abc import Mapping, Sequence

from samovar.core import arn
from samovar.core.access import Access, Given, Need, on, pass_role, request_tags
from samovar.core.context import Context, Params
from samovar.services.lambda_ import layers, names
from samovar.services.lambda_.permissions import Permissions
from samovar.services.lambda_.state import State

_ON_FUNCTION = """
    CreateFunction UpdateFunctionCode UpdateFunctionConfiguration PublishVersion ListVersionsByFunction CreateAlias
    GetAlias UpdateAlias DeleteAlias ListAliases AddPermission RemovePermission GetPolicy
    PutFunctionConcurrency GetFunctionConcurrency DeleteFunctionConcurrency PutFunctionEventInvokeConfig
    UpdateFunctionEventInvokeConfig GetFunctionEventInvokeConfig DeleteFunctionEventInvokeConfig
    ListFunctionEventInvokeConfigs PutFunctionRecursionConfig GetFunctionRecursionConfig PutRuntimeManagementConfig
    GetRuntimeManagementConfig PutFunctionScalingConfig GetFunctionScalingConfig CreateFunctionUrlConfig
    GetFunctionUrlConfig UpdateFunctionUrlConfig DeleteFunctionUrlConfig ListFunctionUrlConfigs
    PutFunctionCodeSigningConfig GetFunctionCodeSigningConfig DeleteFunctionCodeSigningConfig
    ListProvisionedConcurrencyConfigs
"""
_ON_VERSION = """
    Invoke InvokeWithResponseStream InvokeAsync GetFunction GetFunctionConfiguration DeleteFunction
    PutProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig DeleteProvisionedConcurrencyConfig
"""
_ON_LAYER = "PublishLayerVersion ListLayerVersions"
_ON_LAYER_VERSION = """
    GetLayerVersion DeleteLayerVersion AddLayerVersionPermission RemoveLayerVersionPermission GetLayerVersionPolicy
"""
_ON_MAPPING = "GetEventSourceMapping UpdateEventSourceMapping DeleteEventSourceMapping"
_ON_SIGNING = """
    GetCodeSigningConfig UpdateCodeSigningConfig DeleteCodeSigningConfig ListFunctionsByCodeSigningConfig
"""


def access(state: State, permits: Permissions) -> Access:
    return Access(
        "lambda",
        on(
            (_function, _ON_FUNCTION),
            (_version, _ON_VERSION),
            (_layer, _ON_LAYER),
            (_layer_version, _ON_LAYER_VERSION),
            (lambda ctx, params: str(params["Arn"]), "GetLayerVersionByArn"),
            (_mapping, _ON_MAPPING),
            (lambda ctx, params: str(params["CodeSigningConfigArn"]), _ON_SIGNING),
            (lambda ctx, params: str(params["Resource"]), "TagResource UntagResource ListTags"),
            (_policy_of, "PutResourcePolicy GetResourcePolicy DeleteResourcePolicy"),
        ),
        actions={
            "Invoke": "InvokeFunction",
            "InvokeWithResponseStream": "InvokeFunction",
            "InvokeAsync": "InvokeFunction",
            "GetLayerVersionByArn": "GetLayerVersion",
        },
        also={
            "CreateFunction": _configuring,
            "UpdateFunctionConfiguration": _configuring,
            "PutResourcePolicy": lambda ctx, params: [
                Need(f"lambda:{action}", _policy_of(ctx, params)) for action in ("AddPermission", "RemovePermission")
            ],
        },
        facts=_facts,
        policy=lambda text: _policy(state, permits, text),
        tags=lambda text: _tags(state, text),
    )


def _function(ctx: Context, params: Params) -> str:
    return function_arn(ctx, str(params.get("FunctionName") or ""))


def _version(ctx: Context, params: Params) -> str:
    return function_arn(ctx, str(params["FunctionName"]), str(params.get("Qualifier") or ""), qualified=True)


def function_arn(ctx: Context, text: str, qualifier: str = "", *, qualified: bool = False) -> str:
    """The ARN of a function named in any form; `*` for what the operation will refuse anyway."""
    parts = names.parts(text)
    if parts is None:
        return "*"
    region, account, name, derived = parts
    qualifier = qualifier or derived
    end = f"{name}:{qualifier}" if qualified and qualifier else name
    return arn.make("lambda", region or ctx.region, account or ctx.account, f"function:{end}")


def _layer(ctx: Context, params: Params) -> str:
    account, region, name = layers.locate(ctx, params["LayerName"])
    return arn.make("lambda", region, account, f"layer:{name}")


def _layer_version(ctx: Context, params: Params) -> str:
    return f"{_layer(ctx, params)}:{params['VersionNumber']}"


def _mapping(ctx: Context, params: Params) -> str:
    return arn.make("lambda", ctx.region, ctx.account, f"event-source-mapping:{params['UUID']}")


def _policy_of(ctx: Context, params: Params) -> str:
    return str(params["ResourceArn"])


def _configuring(ctx: Context, params: Params) -> Sequence[Need]:
    """Whoever gives a function a role must be allowed to pass it, and see the layers."""
    needs = [Need("lambda:GetLayerVersion", text) for text in params.get("Layers") or ()]
    return [pass_role(params["Role"], "lambda.amazonaws.com"), *needs] if params.get("Role") else needs


def _facts(ctx: Context, operation: str, params: Params) -> Given:
    found: dict[str, str | tuple[str, ...]] = {}
    if "FunctionName" in params:
        found["lambda:FunctionArn"] = _function(ctx, params)
    for member, key in (
        ("Principal", "lambda:Principal"),
        ("FunctionUrlAuthType", "lambda:FunctionUrlAuthType"),
        ("AuthType", "lambda:FunctionUrlAuthType"),
        ("EventSourceToken", "lambda:EventSourceToken"),
        ("CodeSigningConfigArn", "lambda:CodeSigningConfigArn"),
    ):
        if params.get(member):
            found[key] = str(params[member])
    if params.get("Layers"):
        found["lambda:Layer"] = tuple(params["Layers"])
    network = params.get("VpcConfig") or {}
    for member, key in (("SubnetIds", "lambda:SubnetIds"), ("SecurityGroupIds", "lambda:SecurityGroupIds")):
        if network.get(member):
            found[key] = tuple(network[member])
    tags = params.get("Tags")
    return {**found, **request_tags(tags if isinstance(tags, dict) else {})}


def _policy(state: State, permits: Permissions, text: str) -> object:
    found = arn.parse(text)
    if found is None:
        return None
    kind, _, rest = found.resource.partition(":")
    if kind == "function":
        name, _, qualifier = rest.partition(":")
        qualifier = "" if qualifier == names.LATEST else qualifier
        policy = permits.table.get((found.account, found.region, name, qualifier))
        return policy.document if policy else None
    place = layers.parse(text)
    version = state.layers.get(*place) if place else None
    return version.policy.document if version and version.policy else None


def _tags(state: State, text: str) -> Mapping[str, str] | None:
    found = arn.parse(text)
    if found is None:
        return None
    kind, _, rest = found.resource.partition(":")
    if kind == "function":
        function = state.functions.get((found.account, found.region, rest.partition(":")[0]))
        return function.tags if function else None
    keeper = state.taggable.get(kind)
    return keeper.tags((found.account, found.region, rest)) if keeper else None
