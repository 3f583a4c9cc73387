"""The Extensions API, as a process in an environment sees it, beside the Runtime API.

Owns: paths, headers, bodies and refusals of facts/lambda-runtime.md §4 (words: AWS's runtime-interface-emulator).
Refuses: states, which are `extensions`', and telemetry, which has an API of its own.
"""

import re
from collections.abc import Sequence

import msgspec

from samovar.core.expressions import expression
from samovar.engine.extensions import MOST, TOO_MANY, Extension, Extensions
from samovar.engine.lifecycle import ExtensionEvent
from samovar.engine.model import Version
from samovar.net.message import Reply, Request, Response

BASE = "/2020-01-01/extension"
_UUID = expression(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_EVENTS = ("INVOKE", "SHUTDOWN")
_ERRORS = {
    f"{BASE}/init/error": (ExtensionEvent.INIT_ERROR, "InitError"),
    f"{BASE}/exit/error": (ExtensionEvent.EXIT_ERROR, "ExitError"),
}


class _Registration(msgspec.Struct):
    events: list[str] | None = None
    configurationKeys: list[str] | None = None


class _Registered(msgspec.Struct, omit_defaults=True):
    functionName: str
    functionVersion: str
    handler: str
    accountId: str = ""


class _Problem(msgspec.Struct):
    errorMessage: str
    errorType: str


def handle(extensions: Extensions, version: Version, request: Request, reply: Reply) -> None:
    """Answer one call, now or when there is an event."""
    path, method = request.path, request.method
    if path == f"{BASE}/register":
        answer = _register(extensions, version, request) if method == "POST" else _wrong_method("POST", path)
        reply(answer)
        if answer.status == 200:
            extensions.moved()
    elif path == f"{BASE}/event/next":
        _next(extensions, request, reply)
    elif path in _ERRORS:
        reply(_report(extensions, request, *_ERRORS[path]) if method == "POST" else _wrong_method("POST", path))
    else:
        reply(_error(404, "InvalidRequest", f"There is no {path} in the Extensions API"))


def _register(extensions: Extensions, version: Version, request: Request) -> Response:
    name = request.headers.get("lambda-extension-name", "")
    if not name:
        return _refused("InvalidExtensionName", "Empty extension name")
    try:
        wanted = msgspec.json.decode(request.body or b"{}", type=_Registration)
    except msgspec.MsgspecError as error:
        return _error(403, "InvalidRequestFormat", str(error))
    if wanted.configurationKeys:
        text = "configurationKeys are deprecated; use environment variables instead"
        return _error(403, "InvalidRequestFormat", text)
    events = list(dict.fromkeys(wanted.events or ()))
    extension = extensions.external(name)
    wrong = _wrong_event(events, external=extension is not None)
    if wrong is not None:
        return wrong
    if extension is None:
        refused = _admit_internal(extensions, name)
        if refused is not None:
            return refused
        extension = Extension(name, external=False)
    if not extensions.register(extension, events):
        return _wrong_state(extension, "Registered")
    features = re.split(r"[,\s]+", request.headers.get("lambda-extension-accept-feature", ""))
    account = version.account if "accountId" in features else ""
    body = msgspec.json.encode(_Registered(version.function_name, version.version, version.handler, account))
    headers = [("Content-Type", "application/json"), ("Lambda-Extension-Identifier", extension.id)]
    return Response(200, headers, body)


def _wrong_event(events: Sequence[str], external: bool) -> Response | None:
    for event in events:
        if event not in _EVENTS:
            return _refused("InvalidEventType", f"{event}: ErrorInvalidEventType")
        if event == "SHUTDOWN" and not external:
            return _refused("InvalidEventType", f"{event}: ShutdownEventNotSupportedForInternalExtension")
    return None


def _admit_internal(extensions: Extensions, name: str) -> Response | None:
    if not extensions.open:
        return _refused("RegistrationClosed", "Extension registration closed already")
    if any(each.name == name for each in extensions.all):
        return _refused("InvalidExtensionState", "Extension with this name already registered")
    if len(extensions.all) >= MOST:
        return _refused("TooManyExtensions", TOO_MANY)
    return None


def _next(extensions: Extensions, request: Request, reply: Reply) -> None:
    if request.method != "GET":
        reply(_wrong_method("GET", request.path))
        return
    extension = identify(extensions, request)
    if isinstance(extension, Response):
        reply(extension)
    elif not extensions.next(extension, reply):
        reply(_wrong_state(extension, "Ready"))


def _report(extensions: Extensions, request: Request, event: ExtensionEvent, wanted: str) -> Response:
    extension = identify(extensions, request)
    if isinstance(extension, Response):
        return extension
    reason = request.headers.get("lambda-extension-function-error-type", "")
    if not reason:
        return _refused("MissingHeader", "Lambda-Extension-Function-Error-Type not found")
    if not extensions.report_error(extension, event, reason):
        return _wrong_state(extension, wanted)
    return Response(202, [("Content-Type", "application/json")], b'{"status":"OK"}\n')


def identify(extensions: Extensions, request: Request) -> Extension | Response:
    """Who makes this call, or a refusal."""
    identifier = request.headers.get("lambda-extension-identifier", "")
    if not identifier:
        return _refused("MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
    if not _UUID.fullmatch(identifier):
        return _refused("InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
    extension = extensions.find(identifier.lower())
    return extension or _refused("UnknownExtensionIdentifier", "Unknown Lambda-Extension-Identifier")


def _wrong_state(extension: Extension, wanted: str) -> Response:
    text = f"State transition from {extension.state_name} to {wanted} failed for extension {extension.name}."
    return _refused("InvalidExtensionState", f"{text} Error: State transition is not allowed")


def _wrong_method(method: str, path: str) -> Response:
    return _error(405, "InvalidRequest", f"{method} is the method of {path}")


def _refused(reason: str, message: str) -> Response:
    return _error(403, f"Extension.{reason}", message)


def _error(status: int, error_type: str, message: str) -> Response:
    return Response(status, [("Content-Type", "application/json")], msgspec.json.encode(_Problem(message, error_type)))
