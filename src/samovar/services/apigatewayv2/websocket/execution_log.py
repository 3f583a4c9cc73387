"""The execution log of a stage of a WebSocket API: what became of each connect, message and disconnect (API Gateway
guide, "Configure logging for a WebSocket API").

Owns: the log group's name, the lines, and which of them a route's level lets through. Rules: lines are written when
something is over, so that it waits for none of them; at level ERROR only failures are told; bodies only where
`DataTraceEnabled` says so.
"""

import msgspec

from samovar.services.apigatewayv2.records import Stage
from samovar.services.apigatewayv2.state import ApiKey
from samovar.services.apigatewayv2.websocket.answer import Answer
from samovar.services.apigatewayv2.websocket.event import CONNECT, DISCONNECT, Occurrence
from samovar.web.access_log import AccessLogs

_FAILED = "Execution failed"
_LEVELS = ("INFO", "ERROR")


class _Told(msgspec.Struct, frozen=True):
    """What of a route is told."""

    all: bool
    bodies: bool


class ExecutionLog:
    def __init__(self, logs: AccessLogs, key: ApiKey, stage: Stage) -> None:
        account, region, api = key
        self._logs = logs
        self._api = api
        self._stage = stage
        self._group = f"arn:aws:logs:{region}:{account}:log-group:/aws/apigateway/{api}/{stage.stage_name}"
        self._usual = _told(stage.default_route_settings)
        self._routes = {
            route: _told({**stage.default_route_settings, **settings})
            for route, settings in stage.route_settings.items()
        }

    def write(self, happened: Occurrence, answered: Answer, monotonic: float) -> None:
        told = self._routes.get(happened.route_key, self._usual)
        if told is None:
            return
        stream = self._stage.deployment_id or "-"
        for line in self._lines(happened, answered, monotonic, told.bodies):
            if told.all or line.startswith(_FAILED):
                self._logs.write(self._group, stream, f"({happened.request_id}) {line}", own=True)

    def _lines(self, happened: Occurrence, answered: Answer, monotonic: float, bodies: bool) -> list[str]:
        lines = [
            f"Extended Request Id: {happened.request_id}",
            f"Starting execution for request: {happened.request_id}",
            f"WebSocket Request Route: [{happened.route_key or 'none'}]",
            f"Client [{self._client(happened)}] {_what(happened)} WebSocket API [{self._api}] "
            f"in stage [{self._stage.stage_name}].",
        ]
        if bodies and happened.body is not None:
            lines.append(f"Message body: {happened.body}")
        if happened.asked and not answered.error:
            took = round((monotonic - happened.asked) * 1000)
            lines.append(f"Received response. Status: {answered.status}, Integration latency: {took} ms")
            if bodies:
                body = answered.body.decode(errors="replace")
                lines.append(f"Endpoint response body before transformations: {body}")
        if answered.error:
            lines.append(f"{_FAILED}: {answered.error} ({answered.status})")
        else:
            lines.append("Successfully completed execution")
        return lines

    @staticmethod
    def _client(happened: Occurrence) -> str:
        connection = happened.connection
        return f"Connection Id: {connection.id}, UserAgent: {connection.user_agent}, SourceIp: {connection.source_ip}"


def execution_log(logs: AccessLogs, key: ApiKey, stage: Stage) -> ExecutionLog | None:
    """None for a stage that wants none."""
    return ExecutionLog(logs, key, stage) if logs_executions(stage) else None


def logs_executions(stage: Stage) -> bool:
    settings = (stage.default_route_settings, *stage.route_settings.values())
    return any(each.get("LoggingLevel") in _LEVELS for each in settings)


def _told(settings: dict[str, object]) -> _Told | None:
    level = settings.get("LoggingLevel")
    return _Told(level == "INFO", bool(settings.get("DataTraceEnabled"))) if level in _LEVELS else None


def _what(happened: Occurrence) -> str:
    if happened.kind == CONNECT:
        return "is connecting to"
    return "disconnected from" if happened.kind == DISCONNECT else "sent message to"
