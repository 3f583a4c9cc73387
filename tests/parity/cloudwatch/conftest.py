"""Metrics of an account of the test's own, by the platform's clock, which other tests move."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest


class Desk:
    def __init__(self, endpoint: str, cloudwatch: Any) -> None:
        self.endpoint = endpoint
        self.cloudwatch = cloudwatch

    def now(self) -> float:
        with urllib.request.urlopen(f"{self.endpoint}/_samovar/clock", timeout=30) as answer:
            return float(json.load(answer)["epoch_s"])

    def hour(self) -> int:
        """One that is over."""
        return int(self.now()) // 3600 * 3600 - 3600

    def put(self, *data: dict[str, Any], namespace: str = "app") -> None:
        self.cloudwatch.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": "m", **each} for each in data])

    def statistics(self, *names: str, period: int = 3600, **more: Any) -> list[dict[str, Any]]:
        """Of `m` in that hour and the two after it, in the order of time."""
        start = more.pop("start", self.hour())
        basic = [name for name in names if name.isalpha() and name not in ("IQM",)]
        asked = {"Statistics": basic, "ExtendedStatistics": [name for name in names if name not in basic]}
        answer = self.cloudwatch.get_metric_statistics(
            **{"Namespace": "app", "MetricName": "m", "StartTime": start, "EndTime": start + 3 * 3600}
            | {"Period": period}
            | {name: value for name, value in asked.items() if value}
            | more
        )
        return sorted(answer["Datapoints"], key=lambda point: (point["Timestamp"], point["Unit"]))


@pytest.fixture
def desk(endpoint: str, client: Callable[..., Any]) -> Desk:
    return Desk(endpoint, client("cloudwatch"))
