"""What is told of each request: a line of the access log, the execution log, metrics (facts/apigateway.md §5).

Owns: which of these a stage has asked for.
Rules: nothing here makes a request wait; what isn't asked for costs a look into the stage.
"""

import asyncio
import hashlib

from samovar.core.meter import Meter
from samovar.net.message import Response
from samovar.services.apigateway.plane import execution_log
from samovar.services.apigateway.plane.counting import Counts
from samovar.services.apigateway.plane.exchange import Exchange
from samovar.services.apigateway.plane.logged import Logged
from samovar.services.apigateway.plane.stages import Stage
from samovar.services.apigateway.state import Api, Rest
from samovar.web.access_log import AccessLogs, Format, is_log_group

_FAILED = "Execution failed"


class Teller:
    def __init__(self, state: Rest, logs: AccessLogs, meter: Meter) -> None:
        self._state = state
        self._logs = logs
        self._counts = Counts(meter)

    def begin(self, exchange: Exchange, stage: Stage) -> None:
        """The request is routed: from now on its execution is logged, where the stage wants that."""
        settings = stage.settings(exchange.resource, exchange.settled.name)
        if settings is None or settings.get("loggingLevel") not in ("INFO", "ERROR"):
            return
        account = self._state.accounts.get((exchange.api.account, exchange.api.region))
        if account is not None and account.shape.get("cloudwatchRoleArn"):
            exchange.log = []
            exchange.shows = bool(settings.get("dataTraceEnabled"))
            exchange.say(f"Extended Request Id: {exchange.extended_id}")

    def end(self, exchange: Exchange, stage: Stage, response: Response) -> None:
        """The request is answered."""
        exchange.ended = asyncio.get_running_loop().time()
        self._access(exchange, stage, response)
        self._execution(exchange, stage, response)
        settings = stage.settings(exchange.resource, exchange.method.name) if exchange.method is not None else None
        detailed = settings is not None and bool(settings.get("metricsEnabled"))
        self._counts.count(exchange, detailed, response.status)

    def _access(self, exchange: Exchange, stage: Stage, response: Response) -> None:
        settings = stage.shape.get("accessLogSettings") or {}
        group, text = settings.get("destinationArn") or "", settings.get("format") or ""
        if not text or not is_log_group(group):
            return
        if stage.format is None:
            stage.format = Format(text)
        line = stage.format.line(Logged(exchange, response))
        self._logs.write(group, _stream(exchange.api, stage), line)

    def _execution(self, exchange: Exchange, stage: Stage, response: Response) -> None:
        if exchange.log is None or exchange.method is None:
            return
        settings = stage.settings(exchange.resource, exchange.method.name) or {}
        execution_log.completed(exchange, response)
        lines = exchange.log
        if settings.get("loggingLevel") == "ERROR":
            lines = [line for line in lines if line.startswith(_FAILED)]
        api = exchange.api
        name = f"API-Gateway-Execution-Logs_{api.id}/{exchange.staged.name}"
        group = f"arn:aws:logs:{api.region}:{api.account}:log-group:{name}"
        for line in lines:
            self._logs.write(group, _stream(api, stage), f"({exchange.ctx.request_id}) {line}", own=True)


def _stream(api: Api, stage: Stage) -> str:
    """The same for all of a deployment's requests."""
    named = f"{api.id}/{stage.shape['stageName']}/{stage.shape['deploymentId']}"
    return hashlib.md5(named.encode(), usedforsecurity=False).hexdigest()
