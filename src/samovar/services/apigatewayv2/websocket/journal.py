"""The access log of a stage of a WebSocket API: a line for each connect, message and disconnect (facts §5, §10).

Owns: what `$context.NAME` is for something that happened, now that it is over.
"""

from functools import partial
from typing import Any

import msgspec

from samovar.services.apigatewayv2.records import Api, Stage
from samovar.services.apigatewayv2.websocket import event
from samovar.services.apigatewayv2.websocket.answer import (
    EXHAUSTED,
    FORBIDDEN,
    INVALID_BODY,
    MISSING_TOKEN,
    THROTTLED,
    TIMED_OUT,
    UNAUTHORIZED,
    Answer,
)
from samovar.services.apigatewayv2.websocket.event import Occurrence
from samovar.services.apigatewayv2.websocket.selection import dig
from samovar.web.access_log import AccessLogs, Format


class Journal:
    def __init__(self, logs: AccessLogs, group: str, stream: str, format: str) -> None:
        self._logs = logs
        self._group = group
        self._stream = stream
        self._format = Format(format)

    def write(self, happened: Occurrence, answered: Answer, took_s: float, of_function: bool) -> None:
        """`of_function`: whether a function was to answer."""
        lookup = partial(_variable, happened, answered, took_s, of_function)
        self._logs.write(self._group, self._stream, self._format.line(lookup))


def journal(logs: AccessLogs, api: Api, stage: Stage) -> Journal | None:
    """None for a stage without an access log."""
    settings = stage.access_log_settings or {}
    group, format = settings.get("DestinationArn", ""), settings.get("Format", "")
    return Journal(logs, group, f"{api.api_id}/{stage.stage_name}", format) if group and format else None


def _variable(happened: Occurrence, answered: Answer, took_s: float, of_function: bool, name: str) -> str | None:
    known = _known(happened, answered, took_s, of_function)
    value = known[name] if name in known else dig(event.context(happened), name)
    if value is None or isinstance(value, str):
        return value
    return None if isinstance(value, dict) else msgspec.json.encode(value).decode()


def _known(happened: Occurrence, answered: Answer, took_s: float, of_function: bool) -> dict[str, Any]:
    """What only a log knows; `took_s` in all."""
    error, asked = answered.error, happened.asked
    latency = round((took_s - (asked - happened.started)) * 1000) if asked else None
    failed = error if asked else None
    status = None if error or not asked else answered.status
    request_id = happened.request_id if asked else None
    return {
        "accountId": happened.connection.key[0],
        "domainPrefix": happened.domain.partition(".")[0],
        **_entered(happened, answered),
        "awsEndpointRequestId": request_id,
        "error.message": error,
        "error.messageString": msgspec.json.encode(error).decode() if error else "",
        "error.responseType": (_TYPES.get(error, "INTEGRATION_FAILURE" if asked else "ACCESS_DENIED")) if error else "",
        "error.validationErrorString": answered.details,
        "integration.error": failed,
        "integration.integrationStatus": 200 if of_function and (status or answered.status == 502) else status,
        "integration.latency": latency,
        "integration.requestId": request_id,
        "integration.status": status,
        "integrationErrorMessage": failed,
        "integrationLatency": latency,
        "integrationStatus": status,
        "responseLatency": round(took_s * 1000),
        "responseLength": len(answered.body),
        "status": answered.status,
    }


def _entered(happened: Occurrence, answered: Answer) -> dict[str, Any]:
    """How the steps went that say who may connect; nothing where none were taken."""
    if happened.kind != event.CONNECT:
        return {}
    error, refused = answered.error, not happened.asked and answered.status in (401, 403, 500)
    found: dict[str, Any] = {}
    if happened.caller.get("accessKey") or error == MISSING_TOKEN:
        found |= {"authenticate.status": 200 if happened.caller.get("accessKey") else 403, "authenticate.latency": 0}
        found["authenticate.error"] = error if error == MISSING_TOKEN else None
    elif happened.authorizer is not None or (refused and answered.status in (401, 500)):
        status = answered.status if refused and answered.status != 403 else 200
        found |= {"authorizer.status": status, "authorizer.error": error if status != 200 else None}
        if happened.authorizer is not None:
            latency = happened.authorizer.get("integrationLatency")
            found |= {"authorizer.latency": latency, "authorizer.integrationLatency": latency}
            found |= {"authorizer.integrationStatus": 200, "authorizer.requestId": happened.request_id}
    if refused and answered.status == 403 and error != MISSING_TOKEN:
        found |= {"authorize.status": 403, "authorize.error": error, "authorize.latency": 0}
    elif found and not refused:
        found |= {"authorize.status": 200, "authorize.latency": 0}
    return found


_TYPES = {
    EXHAUSTED: "QUOTA_EXCEEDED",
    FORBIDDEN: "ACCESS_DENIED",
    INVALID_BODY: "BAD_REQUEST_BODY",
    MISSING_TOKEN: "MISSING_AUTHENTICATION_TOKEN",
    THROTTLED: "THROTTLED",
    TIMED_OUT: "INTEGRATION_TIMEOUT",
    UNAUTHORIZED: "UNAUTHORIZED",
}
