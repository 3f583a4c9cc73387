"""What requests come to as metrics: `AWS/ApplicationELB` (ALB guide, "CloudWatch metrics for your Application Load
Balancer").

Owns: names, units and dimensions. Rules: a count that is nought isn't reported, as on AWS; a request that no target was
chosen for is no request, but its answer's code counts.
"""

from samovar.core.clock import Clock
from samovar.core.meter import Meter
from samovar.net.message import Response
from samovar.services.elbv2.exchange import Exchange, Fate
from samovar.services.elbv2.state import place
from samovar.web.metering import Metering, Place, Row

_TIME = "TargetResponseTime"
_METRICS = (
    "RequestCount", "RequestCountPerTarget", "HTTPCode_ELB_3XX_Count", "HTTPCode_ELB_4XX_Count",
    "HTTPCode_ELB_5XX_Count", "HTTPCode_ELB_500_Count", "HTTPCode_ELB_502_Count", "HTTPCode_ELB_503_Count",
    "HTTPCode_ELB_504_Count", "HTTPCode_Target_2XX_Count", "HTTPCode_Target_3XX_Count", "HTTPCode_Target_4XX_Count",
    "HTTPCode_Target_5XX_Count", "HTTP_Redirect_Count", "HTTP_Fixed_Response_Count", "LambdaUserError",
    "TargetConnectionErrorCount", _TIME,
)  # fmt: skip
_APART = (500, 502, 503, 504)
"""Codes of the load balancer's own that have counts of their own."""
_OF_FATE = {
    Fate.REDIRECTED: "HTTP_Redirect_Count",
    Fate.FIXED: "HTTP_Fixed_Response_Count",
    Fate.FUNCTION_FAILED: "LambdaUserError",
    Fate.UNREACHABLE: "TargetConnectionErrorCount",
}
_MOST_PLACES = 1000


class Meters:
    def __init__(self, meter: Meter, clock: Clock) -> None:
        self._clock = clock
        units = [(name, "Seconds" if name == _TIME else "Count") for name in _METRICS]
        self._metering = Metering(meter, "AWS/ApplicationELB", units)
        self._places: dict[tuple[str, str], tuple[Place, ...]] = {}
        self._rows: dict[tuple[Fate, int, bool], tuple[Row, ...]] = {}
        """What answers of a kind add, see `_counted`."""

    def count(self, exchange: Exchange, response: Response) -> None:
        """A request that was answered."""
        group, now = exchange.group, self._clock.now()
        places = self._of(exchange.balancer.arn, "" if group is None else group.arn)
        kind = (exchange.fate, response.status, group is not None)
        counted = self._rows.get(kind)
        if counted is None:
            counted = self._rows[kind] = _counted(*kind)
        took = exchange.took_s if exchange.fate is Fate.ANSWERED else None
        for whose, counts in zip(places, counted, strict=True):  # the last one has no times
            self._metering.add(whose, now, (*counts, None if whose is places[-1] else took))

    def _of(self, balancer: str, group: str) -> tuple[Place, ...]:
        found = self._places.get((balancer, group))
        if found is None:
            if len(self._places) >= _MOST_PLACES:
                self._places.clear()
            found = self._places[balancer, group] = _places(balancer, group)
        return found


def _counted(fate: Fate, status: int, grouped: bool) -> tuple[Row, ...]:
    """What such an answer adds to the metrics of each of its places, but for the time."""
    of_balancer = {_OF_FATE[fate]} if fate in _OF_FATE else set()
    of_both: set[str] = set()
    if fate is Fate.ANSWERED:
        of_both.add(f"HTTPCode_Target_{status // 100}XX_Count")
    else:
        of_balancer.add(f"HTTPCode_ELB_{status // 100}XX_Count")
        if status in _APART:
            of_balancer.add(f"HTTPCode_ELB_{status}_Count")
    if not grouped:
        return (_row(of_balancer),)
    of_both.add("RequestCount")
    of_group = {"RequestCountPerTarget"} | (of_balancer & {"LambdaUserError"})
    return _row(of_balancer | of_both), _row(of_both | of_group), _row(of_group)


def _row(counted: set[str]) -> Row:
    return tuple(1 if name in counted else None for name in _METRICS if name != _TIME)


def _places(balancer: str, group: str) -> tuple[Place, ...]:
    account, region = place(balancer)
    of_balancer = ("LoadBalancer", balancer.partition("loadbalancer/")[2])
    if not group:
        return (Place(account, region, [of_balancer]),)
    of_group = ("TargetGroup", f"targetgroup/{group.partition(':targetgroup/')[2]}")
    dimensions = ([of_balancer], [of_balancer, of_group], [of_group])
    return tuple(Place(account, region, each) for each in dimensions)
