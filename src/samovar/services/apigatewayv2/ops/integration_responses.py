"""Create, get, update and delete integration responses: how answers of non-proxy integrations are told (§10)."""

import re

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2 import deploying, pages
from samovar.services.apigatewayv2.errors import bad_request, conflict, not_found
from samovar.services.apigatewayv2.records import IntegrationResponse, changed, made, shown
from samovar.services.apigatewayv2.state import ApiKey, State, letters, listed, part, within
from samovar.services.apigatewayv2.websocket.selection import DEFAULT


async def create_integration_response(state: State, ctx: Context, params: Params) -> Params:
    key, integration_id = _integration(state, ctx, params)
    response = made(IntegrationResponse, params, integration_response_id=letters(7))
    await _keep(state, key, integration_id, response)
    return shown(response)


async def get_integration_response(state: State, ctx: Context, params: Params) -> Params:
    key, integration_id = _integration(state, ctx, params)
    return shown(_find(state, key, integration_id, params["IntegrationResponseId"]))


async def get_integration_responses(state: State, ctx: Context, params: Params) -> Params:
    key, integration_id = _integration(state, ctx, params)
    page, more = pages.cut(_all(state, key, integration_id), params)
    return {"Items": [shown(response) for response in page], **more}


async def update_integration_response(state: State, ctx: Context, params: Params) -> Params:
    key, integration_id = _integration(state, ctx, params)
    response = changed(_find(state, key, integration_id, params["IntegrationResponseId"]), params)
    await _keep(state, key, integration_id, response)
    return shown(response)


async def delete_integration_response(state: State, ctx: Context, params: Params) -> Params:
    key, integration_id = _integration(state, ctx, params)
    id = _find(state, key, integration_id, params["IntegrationResponseId"]).integration_response_id
    await deploying.change(state, key, (state.integration_responses, within(integration_id, id), None))
    return {}


def _integration(state: State, ctx: Context, params: Params) -> tuple[ApiKey, str]:
    key, api = state.api(ctx, params["ApiId"])
    if api.protocol_type != "WEBSOCKET":
        raise bad_request("Integration responses are only supported for WebSocket APIs")
    return key, part(state.integrations, key, params["IntegrationId"], "Integration").integration_id


def _all(state: State, key: ApiKey, whole: str) -> list[tuple[str, IntegrationResponse]]:
    return [(id, each) for id, each in listed(state.integration_responses, key) if id.startswith(within(whole))]


def _find(state: State, key: ApiKey, integration_id: str, id: str) -> IntegrationResponse:
    found = state.integration_responses.get((*key, within(integration_id, id)))
    if found is None:
        raise not_found("IntegrationResponse", id)
    return found


async def _keep(state: State, key: ApiKey, integration_id: str, response: IntegrationResponse) -> None:
    _check(response)
    for _, other in _all(state, key, integration_id):
        same = other.integration_response_key == response.integration_response_key
        if same and other.integration_response_id != response.integration_response_id:
            raise conflict(
                f"Integration response with key {response.integration_response_key} already exists for this integration"
            )
    id = within(integration_id, response.integration_response_id)
    await deploying.change(state, key, (state.integration_responses, id, response))


def _check(response: IntegrationResponse) -> None:
    key = response.integration_response_key
    if key == DEFAULT:
        return
    if len(key) < 3 or not key.startswith("/") or not key.endswith("/"):
        raise bad_request("IntegrationResponseKey must be $default or a regular expression between slashes")
    try:
        re.compile(key[1:-1])
    except re.error:
        raise bad_request(f"Invalid integration response key specified {key}") from None
