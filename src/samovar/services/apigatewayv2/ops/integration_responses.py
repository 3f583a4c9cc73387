"""Create, get, update and delete integration responses: how answers of non-proxy integrations are told (§10)."""

import re

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2.errors import bad_request, conflict
from samovar.services.apigatewayv2.ops import integrations
from samovar.services.apigatewayv2.parts import Kind, Where
from samovar.services.apigatewayv2.records import IntegrationResponse
from samovar.services.apigatewayv2.state import State
from samovar.services.apigatewayv2.websocket.selection import DEFAULT


async def create_integration_response(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.create(state, ctx, params)


async def get_integration_response(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.get(state, ctx, params)


async def get_integration_responses(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.list(state, ctx, params)


async def update_integration_response(state: State, ctx: Context, params: Params) -> Params:
    return await KIND.update(state, ctx, params)


async def delete_integration_response(state: State, ctx: Context, params: Params) -> Params:
    where = KIND.where(state, ctx, params)
    return await KIND.delete(state, where, KIND.find(state, where, params))


def _check(state: State, where: Where, response: IntegrationResponse) -> None:
    _check_key(response)
    key = response.integration_response_key
    if any(other.integration_response_key == key for other in KIND.others(state, where, response)):
        raise conflict(f"Integration response with key {key} already exists for this integration")


def _check_key(response: IntegrationResponse) -> None:
    key = response.integration_response_key
    if key == DEFAULT:
        return
    if len(key) < 3 or not key.startswith("/") or not key.endswith("/"):
        raise bad_request("IntegrationResponseKey must be $default or a regular expression between slashes")
    try:
        re.compile(key[1:-1])
    except re.error:
        raise bad_request(f"Invalid integration response key specified {key}") from None


KIND = Kind(
    IntegrationResponse,
    lambda state: state.integration_responses,
    7,
    _check,
    only="Integration responses are only supported for WebSocket APIs",
    inside=integrations.KIND,
)
