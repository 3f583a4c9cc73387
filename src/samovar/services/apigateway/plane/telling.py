"""What is told of each request: a line of the access log, the execution log, metrics (facts/apigateway.md §5).

Owns: which of these a stage has asked for.
Rules: nothing here makes a request wait; what isn't asked for costs a look into the stage.
"""

import hashlib

from samovar.core.clock import Clock
from samovar.core.meter import Meter
from samovar.net.message import Response
from samovar.services.apigateway.plane import execution_log
from samovar.services.apigateway.plane.counting import Counts
from samovar.services.apigateway.plane.exchange import Exchange
from samovar.services.apigateway.plane.logged import Logged
from samovar.services.apigateway.plane.stages import Stage
from samovar.services.apigateway.state import Api, Rest
from samovar.web.access_log import AccessLogs, Format

_FAILED = "Execution failed"


class Teller:
    def __init__(self, state: Rest, logs: AccessLogs, meter: Meter, clock: Clock) -> None:
        self._state = state
        self._monotonic = clock.monotonic
        self._logs = logs
        self._counts = Counts(meter)

    def begin(self, exchange: Exchange) -> None:
        """The request is routed: from now on its execution is logged, where the stage wants that."""
        settings = exchange.settings
        if settings is None or settings.get("loggingLevel") not in ("INFO", "ERROR"):
            return
        account = self._state.accounts.get((exchange.api.account, exchange.api.region))
        if account is not None and account.shape.get("cloudwatchRoleArn"):
            exchange.log = []
            exchange.shows = bool(settings.get("dataTraceEnabled"))
            exchange.say(f"Extended Request Id: {exchange.extended_id}")

    def end(self, exchange: Exchange, stage: Stage, response: Response) -> None:
        """The request is answered."""
        exchange.ended = self._monotonic()
        if stage.access_log is not None:
            self._access(exchange, stage, response, *stage.access_log)
        if exchange.log is not None:
            self._execution(exchange, exchange.log, stage, response)
        self._counts.count(exchange, response.status)

    def _access(self, exchange: Exchange, stage: Stage, response: Response, group: str, text: str) -> None:
        if stage.format is None:
            stage.format = Format(text)
        line = stage.format.line(Logged(exchange, response))
        self._logs.write(group, _stream(exchange.api, stage), line)

    def _execution(self, exchange: Exchange, lines: list[str], stage: Stage, response: Response) -> None:
        execution_log.completed(exchange, response)
        if exchange.settings is not None and exchange.settings.get("loggingLevel") == "ERROR":
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
