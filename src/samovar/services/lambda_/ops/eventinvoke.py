"""Put, update, get, delete and list the configurations of asynchronous invocation (facts/lambda-api.md §5, §10)."""

from samovar.core import arn
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.lambda_ import eventinvoke, names, pages, qualified, queues
from samovar.services.lambda_.eventinvoke import Config, EventInvoke
from samovar.services.lambda_.names import LATEST, invalid
from samovar.services.lambda_.qualified import QualifiedKey

_SENDS = {
    "events": "events:PutEvents",
    "lambda": "lambda:InvokeFunction",
    "s3": "s3:PutObject",
    "sns": "sns:Publish",
    "sqs": "sqs:SendMessage",
}
"""What a function's role needs for a destination, by the destination's service (facts/lambda-events.md §2)."""


async def put_function_event_invoke_config(state: EventInvoke, ctx: Context, params: Params) -> Params:
    _existing(state, ctx, params)
    await _check_queues(ctx, params)
    key = _existing(state, ctx, params)  # it may have gone meanwhile
    return await _keep(state, key, eventinvoke.merged(None, params, state.functions.clock.now()))


async def update_function_event_invoke_config(state: EventInvoke, ctx: Context, params: Params) -> Params:
    key = _existing(state, ctx, params)
    _config(state, ctx, key)
    await _check_queues(ctx, params)
    config = _config(state, ctx, key)  # it may have changed meanwhile
    return await _keep(state, key, eventinvoke.merged(config, params, state.functions.clock.now()))


async def get_function_event_invoke_config(state: EventInvoke, ctx: Context, params: Params) -> Params:
    key = _key(ctx, params)
    return eventinvoke.describe(key, _config(state, ctx, key))


async def delete_function_event_invoke_config(state: EventInvoke, ctx: Context, params: Params) -> Params:
    key = _key(ctx, params)
    _config(state, ctx, key)
    await state.table.delete(key)
    return {}


async def list_function_event_invoke_configs(state: EventInvoke, ctx: Context, params: Params) -> Params:
    function = qualified.named(ctx, params).key
    if state.functions.functions.get(function) is None:
        raise _no_function()
    found = [(key[3], ((*function, key[3]), config)) for key, config in state.table.items(function)]
    page, more = pages.cut(found, params)
    return {"FunctionEventInvokeConfigs": [eventinvoke.describe(*each) for each in page], **more}


async def _check_queues(ctx: Context, params: Params) -> None:
    for destination in (params.get("DestinationConfig") or {}).values():
        target = destination.get("Destination", "")
        if await queues.is_missing(ctx, arn.parse(target)):
            raise invalid(f"The destination ARN {target} is invalid.")


async def _keep(state: EventInvoke, key: QualifiedKey, config: Config) -> Params:
    eventinvoke.check_destinations(state.functions, key, config)
    for destination in filter(None, (config.on_success, config.on_failure)):
        _check_role(state, key, destination)
    await state.table.put(key, config)
    return eventinvoke.describe(key, config)


def _check_role(state: EventInvoke, key: QualifiedKey, destination: str) -> None:
    """Where permissions count, the function's role must be allowed to send there, as for dead letters."""
    parsed, authority = arn.parse(destination), state.functions.authority
    function, alias = state.functions.functions.get(key[:3]), state.functions.aliases.get(key)
    if authority is None or parsed is None or function is None:
        return
    role = state.functions.deployed(function, alias.version if alias else key[3]).configuration.role
    action = _SENDS[parsed.service]
    resource = f"{destination}/*" if parsed.service == "s3" else destination
    if not authority.permits(role, action, resource):
        name = action.partition(":")[2]
        raise invalid(f"The function's execution role does not have permissions to call {name} on {destination}")


def _key(ctx: Context, params: Params) -> QualifiedKey:
    """Without a qualifier it is the configuration of `$LATEST`."""
    target = qualified.named(ctx, params)
    return (*target.key, target.qualifier or LATEST)


def _existing(state: EventInvoke, ctx: Context, params: Params) -> QualifiedKey:
    if not qualified.exists(state.functions, qualified.named(ctx, params)):
        raise _no_function()
    return _key(ctx, params)


def _config(state: EventInvoke, ctx: Context, key: QualifiedKey) -> Config:
    config = state.table.get(key)
    if config is None:
        function = names.function_arn(ctx, key[2], key[3])
        raise AwsError("ResourceNotFoundException", f"The function {function} doesn't have an EventInvokeConfig")
    return config


def _no_function() -> AwsError:
    return AwsError("ResourceNotFoundException", "The function doesn't exist.")
