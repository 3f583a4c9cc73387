"""The credentials of a function, and the endpoint where one with SnapStart fetches its own.

Owns: both ways of giving them. What is snapshot would keep the keys that it had in its variables, so those of such a
function name an address instead, on its own loopback, beside the Runtime API (facts/lambda-runtime.md §1).
"""

import hmac
import time
from collections.abc import Callable

import msgspec

from samovar.engine.model import SNAP_START, Version
from samovar.net.message import Request, Response

PATH = "/2021-04-23/credentials"
_TOLD_S = 6 * 3600
"""How soon those of the endpoint are asked for anew; they are good for longer."""
ROTATE_S = 11 * 3600
"""An environment with keys in its variables ends before these do, after 12 hours."""
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"


class Keys(msgspec.Struct, frozen=True):
    access_key: str
    secret: str
    token: str


Issue = Callable[[Version], Keys]
"""Makes the keys of a function's role."""


def of_account(version: Version) -> Keys:
    """Where nobody issues any: they name the function's account."""
    return Keys(version.account, "samovar", "samovar")


def variables(version: Version, token: str, issue: Issue = of_account) -> dict[str, str]:
    """The environment variables that give a function its credentials. `token`: for the endpoint; empty when there is
    none, as on the host's network."""
    if version.initialization == SNAP_START and token:
        return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:9001{PATH}", TOKEN: token}
    keys = issue(version)
    return {
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret,
        "AWS_SESSION_TOKEN": keys.token,
    }


def answer(version: Version, token: str, request: Request, now: float, issue: Issue = of_account) -> Response:
    """What the endpoint says. `now`: seconds since the epoch as the function knows them."""
    given = request.headers.get("authorization", "")
    if request.method != "GET" or not token or not hmac.compare_digest(given.encode(), token.encode()):
        return Response(403, [("Content-Type", "application/json")], b'{"message":"Forbidden"}')
    keys = issue(version)
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + _TOLD_S))
    told = {
        "AccessKeyId": keys.access_key,
        "SecretAccessKey": keys.secret,
        "Token": keys.token,
        "Expiration": expires,
        "RoleArn": version.role_arn,
    }
    return Response(200, [("Content-Type", "application/json")], msgspec.json.encode(told))
