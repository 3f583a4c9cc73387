"""The registry of an account: passwords for its door, and what is set for all of it."""

import base64

from samovar.core.context import Context, Params
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
