"""The access log of a stage of a WebSocket API: a line for each connect, message and disconnect (facts §5, §10).

Owns: what `$context.NAME` is for something that happened, now that it is over.
"""

from functools import partial
from typing import Any

import msgspec

from samovar.services.apigatewayv2.records import Api, Stage
from samovar.services.apigatewayv2.websocket import event
from samovar.services.apigatewayv2.websocket.answer import Answer
from samovar.services.apigatewayv2.websocket.event import Occurrence
from samovar.services.apigatewayv2.websocket.selection import dig
from samovar.web.access_log import AccessLogs, Format


class Journal:
    def __init__(self, logs: AccessLogs, group: str, stream: str, format: str) -> None:
        self._logs = logs
        self._group = group
        self._stream = stream
        self._format = Format(format)

    def write(self, happened: Occurrence, answered: Answer, took_s: float) -> None:
        self._logs.write(self._group, self._stream, self._format.line(partial(_variable, happened, answered, took_s)))


def journal(logs: AccessLogs, api: Api, stage: Stage) -> Journal | None:
    """None for a stage without an access log."""
    settings = stage.access_log_settings or {}
    group, format = settings.get("DestinationArn", ""), settings.get("Format", "")
    return Journal(logs, group, f"{api.api_id}/{stage.stage_name}", format) if group and format else None


def _variable(happened: Occurrence, answered: Answer, took_s: float, name: str) -> str | None:
    known: dict[str, Any] = {
        "accountId": happened.connection.key[0],
        "domainPrefix": happened.domain.partition(".")[0],
        "error.message": answered.error,
        "error.messageString": msgspec.json.encode(answered.error).decode() if answered.error else "",
        "integration.status": "" if answered.error else answered.status,
        "integrationErrorMessage": answered.error,
        "integrationLatency": round(took_s * 1000),
        "integrationStatus": "" if answered.error else answered.status,
        "responseLatency": round(took_s * 1000),
        "responseLength": len(answered.body),
        "status": answered.status,
    }
    value = known[name] if name in known else dig(event.context(happened), name)
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
