"""Connections and API destinations (facts/eventbridge.md §E)."""

import msgspec

from samovar.core import ids
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.events import pages
from samovar.services.events.calls import Calls, Unauthorized
from samovar.services.events.connections import KINDS, Connection, Destination, is_endpoint, merged, shown
from samovar.services.events.state import Events, invalid

_RATE = 300


class House(msgspec.Struct, frozen=True):
    state: Events
    calls: Calls


async def create_connection(house: House, ctx: Context, params: Params) -> Params:
    """Not here: connections into a VPC. The secret is kept by this service, and not readable elsewhere."""
    state, name = house.state, params["Name"]
    if state.connections.get((ctx.account, ctx.region, name)) is not None:
        raise AwsError("ResourceAlreadyExistsException", f"Connection {name} already exists.")
    now, auth = state.clock.now(), params["AuthParameters"]
    connection = Connection(
        account=ctx.account,
        region=ctx.region,
        name=name,
        uuid=ids.uuid4(),
        kind=params["AuthorizationType"],
        sealed=house.calls.seal(auth),
        created_at=now,
        modified_at=now,
        state="AUTHORIZING",
        description=params.get("Description", ""),
    )
    return await _authorize(house, connection, auth, params)


async def update_connection(house: House, ctx: Context, params: Params) -> Params:
    connection = _connection(house.state, ctx, params["Name"])
    old = house.calls.unseal(connection)
    auth = merged(old, params.get("AuthParameters", {}))
    connection = msgspec.structs.replace(
        connection,
        kind=params.get("AuthorizationType", connection.kind),
        sealed=house.calls.seal(auth),
        modified_at=house.state.clock.now(),
        description=params.get("Description", connection.description),
    )
    house.calls.forget(connection)
    return await _authorize(house, connection, auth, params)


async def _authorize(house: House, connection: Connection, auth: Params, params: Params) -> Params:
    """Keep a connection as it stands when its token has been asked for."""
    if params.get("InvocationConnectivityParameters") or auth.get("ConnectivityParameters"):
        raise AwsError("NotImplementedException", "Connections into a VPC are not implemented by this server yet.")
    kind = KINDS[connection.kind]
    if not auth.get(kind):
        raise invalid(f"Parameter AuthParameters is not valid. Reason: {kind} is a required argument.")
    state, reason, now = "AUTHORIZED", "", house.state.clock.now()
    if connection.kind == "OAUTH_CLIENT_CREDENTIALS":
        if not is_endpoint(auth[kind]["AuthorizationEndpoint"]):
            raise invalid("Parameter AuthorizationEndpoint is not valid. Reason: It must be an HTTPS endpoint.")
        try:
            await house.calls.token(connection, auth[kind])
        except Unauthorized as error:
            state, reason = "DEAUTHORIZED", str(error)[:512]
    authorized = now if state == "AUTHORIZED" else connection.authorized_at
    connection = msgspec.structs.replace(connection, state=state, reason=reason, authorized_at=authorized)
    await house.state.connections.put(connection.key, connection)
    told = "AUTHORIZING" if connection.kind == "OAUTH_CLIENT_CREDENTIALS" else state
    return {**_changed(connection), "ConnectionState": told}


async def delete_connection(house: House, ctx: Context, params: Params) -> Params:
    connection = _connection(house.state, ctx, params["Name"])
    house.calls.forget(connection)
    await house.state.connections.delete(connection.key)
    return {**_changed(connection), "ConnectionState": "DELETING"}


async def deauthorize_connection(house: House, ctx: Context, params: Params) -> Params:
    connection = _connection(house.state, ctx, params["Name"])
    house.calls.forget(connection)
    now = house.state.clock.now()
    kept = msgspec.structs.replace(connection, state="DEAUTHORIZED", sealed=house.calls.seal({}), modified_at=now)
    await house.state.connections.put(kept.key, kept)
    return {**_changed(kept), "ConnectionState": "DEAUTHORIZING"}


async def describe_connection(house: House, ctx: Context, params: Params) -> Params:
    connection = _connection(house.state, ctx, params["Name"])
    secret = f"arn:aws:secretsmanager:{connection.region}:{connection.account}:secret:events!connection/"
    answer = _listed(connection) | {
        "AuthParameters": shown(house.calls.unseal(connection)),
        "SecretArn": f"{secret}{connection.name}/{connection.uuid}-{connection.uuid[:6]}",
    }
    return answer | ({"Description": connection.description} if connection.description else {})


async def list_connections(house: House, ctx: Context, params: Params) -> Params:
    wanted = params.get("ConnectionState")
    found = [
        (each.name, each)
        for _, each in house.state.connections.items((ctx.account, ctx.region))
        if wanted in (None, each.state)
    ]
    page, more = pages.cut(found, params)
    return {"Connections": [_listed(each) for each in page], **more}


async def create_api_destination(house: House, ctx: Context, params: Params) -> Params:
    state, name = house.state, params["Name"]
    if state.destinations.get((ctx.account, ctx.region, name)) is not None:
        raise AwsError("ResourceAlreadyExistsException", f"An api-destination '{name}' already exists.")
    now = state.clock.now()
    destination = Destination(
        account=ctx.account,
        region=ctx.region,
        name=name,
        uuid=ids.uuid4(),
        connection=params["ConnectionArn"],
        endpoint=params["InvocationEndpoint"],
        method=params["HttpMethod"],
        rate=params.get("InvocationRateLimitPerSecond", _RATE),
        created_at=now,
        modified_at=now,
        description=params.get("Description", ""),
    )
    return await _keep(state, destination)


async def update_api_destination(house: House, ctx: Context, params: Params) -> Params:
    destination = _destination(house.state, ctx, params["Name"])
    changed = msgspec.structs.replace(
        destination,
        connection=params.get("ConnectionArn", destination.connection),
        endpoint=params.get("InvocationEndpoint", destination.endpoint),
        method=params.get("HttpMethod", destination.method),
        rate=params.get("InvocationRateLimitPerSecond", destination.rate),
        description=params.get("Description", destination.description),
        modified_at=house.state.clock.now(),
    )
    return await _keep(house.state, changed)


async def _keep(state: Events, destination: Destination) -> Params:
    if state.connection_by_arn(destination.connection) is None:
        text = f"Failed to describe the connection(s). Connection '{destination.connection}' does not exist."
        raise AwsError("ResourceNotFoundException", text)
    if not is_endpoint(destination.endpoint):
        raise invalid("Parameter InvocationEndpoint is not valid. Reason: It must be an HTTPS endpoint.")
    await state.destinations.put(destination.key, destination)
    shown = _destination_shown(state, destination)
    return {name: shown[name] for name in _DESTINATION_CHANGED}


_DESTINATION_CHANGED = ("ApiDestinationArn", "ApiDestinationState", "CreationTime", "LastModifiedTime")


async def delete_api_destination(house: House, ctx: Context, params: Params) -> Params:
    await house.state.destinations.delete(_destination(house.state, ctx, params["Name"]).key)
    return {}


async def describe_api_destination(house: House, ctx: Context, params: Params) -> Params:
    destination = _destination(house.state, ctx, params["Name"])
    described = {"Description": destination.description} if destination.description else {}
    return _destination_shown(house.state, destination) | described


async def list_api_destinations(house: House, ctx: Context, params: Params) -> Params:
    wanted = params.get("ConnectionArn")
    found = [
        (each.name, each)
        for _, each in house.state.destinations.items((ctx.account, ctx.region))
        if wanted in (None, each.connection)
    ]
    page, more = pages.cut(found, params)
    return {"ApiDestinations": [_destination_shown(house.state, each) for each in page], **more}


def _connection(state: Events, ctx: Context, name: str) -> Connection:
    found = state.connections.get((ctx.account, ctx.region, name))
    if found is None:
        text = f"Failed to describe the connection(s). Connection '{name}' does not exist."
        raise AwsError("ResourceNotFoundException", text)
    return found


def _destination(state: Events, ctx: Context, name: str) -> Destination:
    found = state.destinations.get((ctx.account, ctx.region, name))
    if found is None:
        text = f"Failed to describe the api-destination(s). An api-destination '{name}' does not exist."
        raise AwsError("ResourceNotFoundException", text)
    return found


def _changed(connection: Connection) -> Params:
    answer: Params = {
        "ConnectionArn": connection.arn,
        "ConnectionState": connection.state,
        "CreationTime": connection.created_at,
        "LastModifiedTime": connection.modified_at,
    }
    return answer


def _listed(connection: Connection) -> Params:
    answer = _changed(connection) | {"Name": connection.name, "AuthorizationType": connection.kind}
    if connection.reason:
        answer["StateReason"] = connection.reason
    if connection.authorized_at:
        answer["LastAuthorizedTime"] = connection.authorized_at
    return answer


def _destination_shown(state: Events, destination: Destination) -> Params:
    connection = state.connection_by_arn(destination.connection)
    active = connection is not None and connection.state == "AUTHORIZED"
    return {
        "ApiDestinationArn": destination.arn,
        "Name": destination.name,
        "ApiDestinationState": "ACTIVE" if active else "INACTIVE",
        "ConnectionArn": destination.connection,
        "InvocationEndpoint": destination.endpoint,
        "HttpMethod": destination.method,
        "InvocationRateLimitPerSecond": destination.rate,
        "CreationTime": destination.created_at,
        "LastModifiedTime": destination.modified_at,
    }
