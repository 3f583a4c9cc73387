"""What requests come to as metrics: `AWS/ApplicationELB` (ALB guide, "CloudWatch metrics for your Application Load
Balancer").

Owns: names, units and dimensions. Rules: a count that is nought isn't reported, as on AWS; a request that no target was
chosen for is no request, but its answer's code counts.
"""

from collections.abc import Iterator
from functools import partial

from samovar.core.clock import Clock
from samovar.core.meter import Meter
from samovar.net.message import Response
from samovar.services.elbv2.exchange import Exchange, Fate
from samovar.services.elbv2.state import place
from samovar.web.metering import Metering, Place, Series

_COUNTS = (
    "RequestCount", "RequestCountPerTarget", "HTTPCode_ELB_3XX_Count", "HTTPCode_ELB_4XX_Count",
    "HTTPCode_ELB_5XX_Count", "HTTPCode_ELB_500_Count", "HTTPCode_ELB_502_Count", "HTTPCode_ELB_503_Count",
    "HTTPCode_ELB_504_Count", "HTTPCode_Target_2XX_Count", "HTTPCode_Target_3XX_Count", "HTTPCode_Target_4XX_Count",
    "HTTPCode_Target_5XX_Count", "HTTP_Redirect_Count", "HTTP_Fixed_Response_Count", "LambdaUserError",
    "TargetConnectionErrorCount",
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
_BALANCER, _BOTH, _GROUP = range(3)
"""Which dimensions of a place."""

_Kind = tuple[Fate, int, bool]
"""Of an answer: where it comes from, its status, and whether it was for a target group."""


class Meters:
    def __init__(self, meter: Meter, clock: Clock) -> None:
        self._clock = clock
        self._metering = Metering(meter, "AWS/ApplicationELB", list(_series()))
        self._places: dict[tuple[str, str], Place] = {}

    def count(self, exchange: Exchange, response: Response) -> None:
        """A request that was answered."""
        fate, group = exchange.fate, exchange.group
        kind: _Kind = (fate, response.status, group is not None)
        whose = self._of(exchange.balancer.arn, group.arn if group is not None else "")
        took = exchange.took_s if fate is Fate.ANSWERED else None
        self._metering.add(whose, self._clock.now(), (kind, took))

    def _of(self, balancer: str, group: str) -> Place:
        found = self._places.get((balancer, group))
        if found is None:
            if len(self._places) >= _MOST_PLACES:
                self._places.clear()
            found = self._places[balancer, group] = _place(balancer, group)
        return found


def _place(balancer: str, group: str) -> Place:
    account, region = place(balancer)
    of_balancer = ("LoadBalancer", balancer.partition("loadbalancer/")[2])
    if not group:
        return Place(account, region, [of_balancer])
    of_group = ("TargetGroup", f"targetgroup/{group.partition(':targetgroup/')[2]}")
    return Place(account, region, [of_balancer], [of_balancer, of_group], [of_group])


def _series() -> Iterator[Series]:
    """For each dimensions of a place."""
    for about in (_BALANCER, _BOTH, _GROUP):
        for name in _COUNTS:
            yield Series(name, "Count", 0, partial(_counted, name, about), about)
        if about != _GROUP:
            yield Series("TargetResponseTime", "Seconds", 1, about=about)


def _counted(name: str, about: int, kind: _Kind) -> float | None:
    return 1.0 if name in _counts(*kind)[about] else None


def _counts(fate: Fate, status: int, grouped: bool) -> tuple[set[str], set[str], set[str]]:
    """The metrics to which such an answer adds, of each dimensions of its place."""
    of_balancer = {_OF_FATE[fate]} if fate in _OF_FATE else set()
    of_both: set[str] = set()
    if fate is Fate.ANSWERED:
        of_both.add(f"HTTPCode_Target_{status // 100}XX_Count")
    else:
        of_balancer.add(f"HTTPCode_ELB_{status // 100}XX_Count")
        if status in _APART:
            of_balancer.add(f"HTTPCode_ELB_{status}_Count")
    if not grouped:
        return of_balancer, set(), set()
    of_both.add("RequestCount")
    of_group = {"RequestCountPerTarget"} | (of_balancer & {"LambdaUserError"})
    return of_balancer | of_both, of_both | of_group, of_group
