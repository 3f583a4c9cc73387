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
from samovar.web.metering import Metering, Place

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

    def count(self, exchange: Exchange, response: Response) -> None:
        """A request that was answered."""
        group, status = exchange.group, response.status
        of_balancer = {_OF_FATE[exchange.fate]} if exchange.fate in _OF_FATE else set()
        of_both: set[str] = set()
        if exchange.fate is Fate.ANSWERED:
            of_both.add(f"HTTPCode_Target_{status // 100}XX_Count")
        else:
            of_balancer.add(f"HTTPCode_ELB_{status // 100}XX_Count")
            if status in _APART:
                of_balancer.add(f"HTTPCode_ELB_{status}_Count")
        if group is None:
            self._add(self._of(exchange.balancer.arn, "")[0], of_balancer)
            return
        took = exchange.took_s if exchange.fate is Fate.ANSWERED else None
        of_both.add("RequestCount")
        of_group = {"RequestCountPerTarget"} | (of_balancer & {"LambdaUserError"})
        balancer, both, alone = self._of(exchange.balancer.arn, group.arn)
        self._add(balancer, of_balancer | of_both, took)
        self._add(both, of_both | of_group, took)
        self._add(alone, of_group)

    def _add(self, place: Place, counted: set[str], took_s: float | None = None) -> None:
        row = tuple(took_s if name == _TIME else 1 if name in counted else None for name in _METRICS)
        self._metering.add(place, self._clock.now(), row)

    def _of(self, balancer: str, group: str) -> tuple[Place, ...]:
        found = self._places.get((balancer, group))
        if found is None:
            if len(self._places) >= _MOST_PLACES:
                self._places.clear()
            found = self._places[balancer, group] = _places(balancer, group)
        return found


def _places(balancer: str, group: str) -> tuple[Place, ...]:
    account, region = place(balancer)
    of_balancer = ("LoadBalancer", balancer.partition("loadbalancer/")[2])
    if not group:
        return (Place(account, region, [of_balancer]),)
    of_group = ("TargetGroup", f"targetgroup/{group.partition(':targetgroup/')[2]}")
    dimensions = ([of_balancer], [of_balancer, of_group], [of_group])
    return tuple(Place(account, region, each) for each in dimensions)
