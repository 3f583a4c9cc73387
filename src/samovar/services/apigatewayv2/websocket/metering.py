"""What happens on the connections of a stage as metrics: `AWS/ApiGateway` (API Gateway guide, "Monitor WebSocket API
execution with CloudWatch metrics").

Owns: the names, units and dimensions of a WebSocket API's metrics, and what counts as which error.
"""

from collections.abc import Iterable

from samovar.services.apigatewayv2.state import ApiKey
from samovar.services.apigatewayv2.websocket.answer import Answer
from samovar.services.apigatewayv2.websocket.event import CONNECT, DISCONNECT, Occurrence
from samovar.web.metering import Metering, Place, Series

METRICS = (
    Series("ConnectCount", "Count", 0),
    Series("MessageCount", "Count", 1),
    Series("IntegrationError", "Count", 2),
    Series("ClientError", "Count", 3),
    Series("ExecutionError", "Count", 4),
    Series("IntegrationLatency", "Milliseconds", 5),
)
_FUNCTION_FAILED = 502
_TO_A_CLIENT = (None, 1, None, None, None, None)


class StageMeter:
    def __init__(self, metering: Metering, key: ApiKey, stage: str, detailed: Iterable[str]) -> None:
        """`detailed`: the keys of routes that have metrics of their own."""
        self._metering = metering
        account, region, api = key
        of_stage = (("ApiId", api), ("Stage", stage))
        self._all = Place(account, region, of_stage[:1], of_stage)
        self._detailed = {route: Place(account, region, (*of_stage, ("Route", route))) for route in detailed}

    def over(self, happened: Occurrence, answered: Answer, monotonic: float, mocked: bool) -> None:
        """Something has come to its end; `mocked`: without a back end, whose latency would say nothing."""
        asked, status = happened.asked, answered.status
        theirs = not answered.error or status == _FUNCTION_FAILED
        row = (
            1 if happened.kind == CONNECT and asked else None,
            1 if happened.kind not in (CONNECT, DISCONNECT) else None,
            bool(asked) and theirs and status >= 400,
            not asked and 400 <= status < 500,
            bool(asked) and not theirs,
            round((monotonic - asked) * 1000) if asked and not mocked else None,
        )
        self._metering.add(self._all, happened.now, row)
        own = self._detailed.get(happened.route_key)
        if own is not None:
            self._metering.add(own, happened.now, row)

    def sent(self, now: float) -> None:
        """A message has gone to a client."""
        self._metering.add(self._all, now, _TO_A_CLIENT)
