"""PostToConnection, GetConnection, DeleteConnection (facts/apigateway.md §10)."""

from urllib.parse import urlsplit

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.web.connections import Connection, Connections
from samovar.web.front import LABEL, PATH

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
    if found is None or not _is_asked(found, ctx.endpoint):
        raise AwsError("GoneException", "")
    if found.key[0] != ctx.account:
        raise AwsError("ForbiddenException", "Forbidden")
    return found


def _is_asked(connection: Connection, endpoint: str) -> bool:
    """Whether an endpoint is that of the connection's stage, or says nothing about it."""
    parts = urlsplit(endpoint)
    host, path = parts.hostname or "", parts.path
    if LABEL in host:
        return (host.partition(LABEL)[0], path.strip("/")) == (connection.key[2], connection.stage)
    if path.startswith(PATH):
        return path.removeprefix(PATH).strip("/") == f"{connection.key[2]}/{connection.stage}"
    return True
