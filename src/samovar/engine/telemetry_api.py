"""The Telemetry API and the older Logs API, as an extension sees them: how it subscribes.

Owns: paths, bodies, bounds and refusals of facts/lambda-runtime.md §5. Refuses: what happens then (`telemetry`).

Rules (AWS's guide; words: AWS's documentation and runtime-interface-emulator): only during init; only destinations
inside the environment; one of the two APIs for an extension. All that is wrong with a request is told at once.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from samovar.core.expressions import expression
from samovar.engine.extensions import Extension
from samovar.engine.telemetry import EXTENSION, FUNCTION, PLATFORM, Buffering, Subscription, Telemetry
from samovar.engine.telemetry_courier import HOST, Courier, Dial, HttpCourier, TcpCourier
from samovar.engine.telemetry_schema import LOGS, TELEMETRY, VERSIONS, Schema
from samovar.net.message import Request, Response

PATHS: Final[Mapping[str, str]] = {
    "/2022-07-01/telemetry": TELEMETRY, "/2022-07-01/telemetry/": TELEMETRY,
    "/2020-08-15/logs": LOGS, "/2020-08-15/logs/": LOGS,
}  # fmt: skip
"""The API by its path."""

_STREAMS = (PLATFORM, FUNCTION, EXTENSION)
_HOSTS = (HOST, "sandbox")
_RESERVED_PORT = 9001
_PATH = expression(r"[!-~]*")
_BOUNDS = {"maxItems": (1000, 10_000), "maxBytes": (262_144, 1_048_576), "timeoutMs": (25, 30_000)}


class _Problem(msgspec.Struct):
    errorType: str
    errorMessage: str


class Invalid(Exception):
    """The request can't be taken; the text is AWS's errorMessage."""


Told = Callable[[str, str, str, Sequence[str]], None]
"""Hears of a subscription: API, the extension's name, state, types."""


def handle(
    request: Request, extension: Extension | Response, may: bool, telemetry: Telemetry, dial: Dial, told: Told
) -> Response:
    """Subscribe. `extension`: who asks, or why that isn't known. `may`: whether init is still going on."""
    api = PATHS[request.path]
    if request.method != "PUT":
        return _error(405, "InvalidRequest", f"PUT is the method of {request.path}")
    if isinstance(extension, Response):
        return extension
    if not may:
        return _error(403, f"{api}.SubscriptionClosed", f"{api} API subscription is closed")
    try:
        subscription = read(api, request.body, dial)
        if telemetry.api_of(extension.name) not in ("", api):
            raise Invalid(f"the extension has subscribed to the {telemetry.api_of(extension.name)} API already")
    except Invalid as invalid:
        return _error(400, "ValidationError" if api == TELEMETRY else "Logs.ValidationError", str(invalid))
    state = telemetry.subscribe(extension.name, subscription)
    told(api, extension.name, state, subscription.types)
    return Response(200, [("Content-Type", "application/json")], b'"OK"')


def read(api: str, body: bytes, dial: Dial) -> Subscription:
    """The subscription that a request's body asks for. Raises Invalid."""
    try:
        wanted = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise Invalid(f"request body is not a JSON object: {error}") from None
    problems: list[str] = []
    version = _version(api, wanted, problems)
    courier = _courier(api, wanted.get("destination"), dial, problems)
    types = _types(wanted.get("types"), problems)
    buffering = _buffering(wanted.get("buffering"), problems)
    if problems or courier is None:
        raise Invalid("; ".join(problems))
    return Subscription(Schema(api, version), types, buffering, courier)


def _version(api: str, wanted: Mapping[str, Any], problems: list[str]) -> str:
    known = VERSIONS[api]
    version = wanted.get("schemaVersion", known[0] if api == LOGS else None)
    if version not in known:
        problems.append(f"schemaVersion should be one of {', '.join(known)}")
    return str(version)


def _types(given: Any, problems: list[str]) -> Sequence[str]:
    if not isinstance(given, list) or not given:
        problems.append("types should not be empty")
        return ()
    for each in given:
        if each not in _STREAMS:
            problems.append(f"types should be among {', '.join(_STREAMS)}")
            break
    return tuple(dict.fromkeys(str(each) for each in given))


def _buffering(given: Any, problems: list[str]) -> Buffering:
    if given is None:
        return Buffering()
    if not isinstance(given, dict):
        problems.append("buffering should be an object")
        return Buffering()
    values = {"maxItems": 10_000, "maxBytes": 262_144, "timeoutMs": 1000}
    for name, (least, most) in _BOUNDS.items():
        value = given.get(name)
        if value is None:
            continue
        if type(value) is not int or not least <= value <= most:
            problems.append(f"buffering.{name} should be between {least} and {most}")
        else:
            values[name] = value
    return Buffering(values["maxItems"], values["maxBytes"], values["timeoutMs"] / 1000)


def _courier(api: str, given: Any, dial: Dial, problems: list[str]) -> Courier | None:
    if not isinstance(given, dict):
        problems.append("destination is not provided")
        return None
    protocol = given.get("protocol")
    if protocol == "TCP":
        port = given.get("port")
        if type(port) is not int or not 0 < port < 65536:
            problems.append("destination.port should be between 1 and 65535")
            return None
        return TcpCourier(dial, port) if _may_be(port, problems) else None
    if protocol != "HTTP":
        problems.append("destination.protocol should be HTTP or TCP")
        return None
    method = given.get("method", "POST") if api == LOGS else "POST"
    if method not in ("POST", "PUT"):
        problems.append("destination.method should be POST or PUT")
        return None
    if given.get("encoding", "JSON") != "JSON":
        problems.append("destination.encoding should be JSON")
        return None
    return _http(given.get("URI"), method, dial, problems)


def _http(uri: Any, method: str, dial: Dial, problems: list[str]) -> Courier | None:
    if not isinstance(uri, str) or not uri:
        problems.append("destination.URI is not provided")
        return None
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        problems.append("destination.URI is not a URI")
        return None
    if parts.scheme != "http":
        problems.append("destination.URI scheme must be http")
    if parts.hostname not in _HOSTS:
        problems.append(f"destination.URI host must be {HOST}")
    if not port:
        problems.append("URI port is not provided")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _PATH.fullmatch(path):
        problems.append("destination.URI path is not valid")
    if problems or not port or not _may_be(port, problems):
        return None
    return HttpCourier(dial, method, port, path)


def _may_be(port: int, problems: list[str]) -> bool:
    if port == _RESERVED_PORT:
        problems.append(f"port {_RESERVED_PORT} is reserved")
    return port != _RESERVED_PORT


def _error(status: int, error_type: str, message: str) -> Response:
    body = msgspec.json.encode(_Problem(error_type, message))
    return Response(status, [("Content-Type", "application/json")], body)
