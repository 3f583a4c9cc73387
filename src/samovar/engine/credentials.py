"""The credentials of a function, and the endpoint where one with SnapStart fetches its own.

Owns: both ways of giving them. What is snapshot would keep the keys that it had in its variables, so those of such a
function name an address instead, on its own loopback, beside the Runtime API (facts/lambda-runtime.md §1).
"""

import hmac
import time

import msgspec

from samovar.engine.model import SNAP_START, Version
from samovar.net.message import Request, Response

PATH = "/2021-04-23/credentials"
_LIVE_S = 6 * 3600
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"


def variables(version: Version, token: str) -> dict[str, str]:
    """The environment variables that give a function its credentials. `token`: for the endpoint; empty when there is
    none, as on the host's network."""
    if version.initialization == SNAP_START and token:
        return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:9001{PATH}", TOKEN: token}
    key, secret, session = keys(version)
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": session}


def keys(version: Version) -> tuple[str, str, str]:
    """They name the function's account, and give no rights of their own: the API is open to loopback."""
    return version.account, "samovar", "samovar"


def answer(version: Version, token: str, request: Request, now: float) -> Response:
    """What the endpoint says. `now`: seconds since the epoch as the function knows them."""
    given = request.headers.get("authorization", "")
    if request.method != "GET" or not token or not hmac.compare_digest(given.encode(), token.encode()):
        return Response(403, [("Content-Type", "application/json")], b'{"message":"Forbidden"}')
    key, secret, session = keys(version)
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + _LIVE_S))
    told = {"AccessKeyId": key, "SecretAccessKey": secret, "Token": session, "Expiration": expires}
    return Response(200, [("Content-Type", "application/json")], msgspec.json.encode(told))
