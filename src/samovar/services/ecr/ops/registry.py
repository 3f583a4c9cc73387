"""The registry of an account: passwords for its door, and what is set for all of it."""

import base64

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.ecr.house import House
from samovar.services.ecr.tokens import USER


async def get_authorization_token(house: House, ctx: Context, params: Params) -> Params:
    password, expires = house.tokens.password(ctx)
    token = base64.b64encode(f"{USER}:{password}".encode()).decode()
    one = {"authorizationToken": token, "expiresAt": expires, "proxyEndpoint": ctx.endpoint}
    return {"authorizationData": [one for _ in params.get("registryIds") or [ctx.account]]}


async def describe_registry(house: House, ctx: Context, params: Params) -> Params:
    replication = house.state.registry(ctx).replication or {"rules": []}
    return {"registryId": ctx.account, "replicationConfiguration": replication}


async def put_replication_configuration(house: House, ctx: Context, params: Params) -> Params:
    """Rules are refused: nothing is replicated."""
    configuration = params["replicationConfiguration"]
    if configuration["rules"]:
        raise AwsError("NotImplementedException", "Replicating images isn't implemented by this server yet.")
    await house.state.change_registry(ctx, replication={"rules": []})
    return {"replicationConfiguration": {"rules": []}}


async def put_registry_scanning_configuration(house: House, ctx: Context, params: Params) -> Params:
    """Kept and shown; images aren't scanned. ENHANCED is refused."""
    if params.get("scanType") == "ENHANCED":
        raise AwsError("NotImplementedException", "Enhanced scanning isn't implemented by this server yet.")
    scanning = {"scanType": "BASIC", "rules": params.get("rules") or []}
    await house.state.change_registry(ctx, scanning=scanning)
    return {"registryScanningConfiguration": scanning}


async def get_registry_scanning_configuration(house: House, ctx: Context, params: Params) -> Params:
    scanning = house.state.registry(ctx).scanning or {"scanType": "BASIC", "rules": []}
    return {"registryId": ctx.account, "scanningConfiguration": scanning}
