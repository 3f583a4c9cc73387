"""PostToConnection, GetConnection, DeleteConnection (facts/apigateway.md §10)."""

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.apigatewaymanagementapi.places import place_of
from samovar.web.connections import Connection, Connections

_LARGEST = 128 * 1024


async def post_to_connection(connections: Connections, ctx: Context, params: Params) -> Params:
    connection = _connection(connections, ctx, params["ConnectionId"])
    if len(params["Data"]) > _LARGEST:
        raise AwsError("PayloadTooLargeException", "Message too long")
    if not connection.send(params["Data"]):
        raise AwsError("LimitExceededException", "")
    connections.touch(connection)
    return {}


async def get_connection(connections: Connections, ctx: Context, params: Params) -> Params:
    connection = _connection(connections, ctx, params["ConnectionId"])
    return {
        "ConnectedAt": connection.connected_at,
        "Identity": {"SourceIp": connection.source_ip, "UserAgent": connection.user_agent},
        "LastActiveAt": connection.last_active,
    }


async def delete_connection(connections: Connections, ctx: Context, params: Params) -> Params:
    _connection(connections, ctx, params["ConnectionId"]).close()
    return {}


def _connection(connections: Connections, ctx: Context, id: str) -> Connection:
    """One of the caller's, at the API and the stage that were asked; whatever else has never been there or has gone."""
    found = connections.find(id)
    if found is None or place_of(ctx.endpoint) not in (None, (found.key[2], found.stage)):
        raise AwsError("GoneException", "")
    if found.key[0] != ctx.account:
        raise AwsError("ForbiddenException", "Forbidden")
    return found
