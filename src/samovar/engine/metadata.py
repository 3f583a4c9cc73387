"""The metadata endpoint, which tells a function where it runs, and the variables that lead to it.

Owns: facts/lambda-runtime.md §1, "Metadata endpoint". One machine is one zone, the region's first.
"""

import hmac

import msgspec

from samovar.net.message import Request, Response

PATH = "/2026-01-15/metadata/execution-environment"
_API, _TOKEN = "AWS_LAMBDA_METADATA_API", "AWS_LAMBDA_METADATA_TOKEN"
_DIRECTIONS = {"northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw"}


def variables(token: str) -> dict[str, str]:
    """`token`: the environment's own, which opens what only it may read; empty where there is no endpoint, as on the
    host's network."""
    return {_API: "127.0.0.1:9001", _TOKEN: token} if token else {}


def answer(region: str, token: str, request: Request) -> Response:
    if request.method != "GET":
        return _refused(405, "Method Not Allowed")
    given = request.headers.get("authorization", "")
    if not token or not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        return _refused(401, "Unauthorized")
    headers = [("Content-Type", "application/json"), ("Cache-Control", "private, max-age=43200, immutable")]
    return Response(200, headers, msgspec.json.encode({"AvailabilityZoneID": f"{_short(region)}-az1"}))


def _refused(status: int, message: str) -> Response:
    return Response(status, [("Content-Type", "application/json")], msgspec.json.encode({"message": message}))


def _short(region: str) -> str:
    """As ids of zones begin: `use1` for us-east-1, `apse2`, `usgw1`."""
    first, *rest = region.split("-")
    return first + "".join(_DIRECTIONS.get(word, word if word.isdigit() else word[:1]) for word in rest)
