"""Turns, stickiness, slow start, and what results of health checks make of a target."""

from collections import Counter
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samovar.services.elbv2.balancing import Balancing, Turns, digest, group_cookies, target_cookies
from samovar.services.elbv2.health import HEALTHY, Condition, Health, _Watch, codes
from samovar.services.elbv2.records import HealthCheck, Target, TargetGroup

CHECK = HealthCheck(True, "HTTP", "traffic-port", "/", 30, 5, 3, 2, "200")
A, B = Target("10.0.0.1", 80), Target("10.0.0.2", 80)


def group(**attributes: str) -> TargetGroup:
    named = {name.replace("__", "."): value for name, value in attributes.items()}
    return TargetGroup("arn:tg", "tg", "ip", "HTTP", 80, "vpc-1", CHECK, "ipv4", named)


class Known:
    """Stands in for the health of targets."""

    def __init__(self, *targets: Target, healthy_for: dict[str, float] | None = None) -> None:
        self.targets = list(targets)
        self._for = healthy_for or {}

    def routable(self, group: TargetGroup) -> list[Target]:
        return self.targets

    def healthy_for(self, group: TargetGroup, target: Target) -> float:
        return self._for.get(target.key, 1e9)


def balancing(*targets: Target, **healthy_for: float) -> Balancing:
    times = {f"10.0.0.{name[1:]}:80": value for name, value in healthy_for.items()}
    return Balancing(cast(Health, Known(*targets, healthy_for=times)))


def chosen(of: Balancing, where: TargetGroup, count: int, cookies: dict[str, str] | None = None) -> Counter[str]:
    found = [of.target(where, cookies or {}) for _ in range(count)]
    return Counter(each.id for each in found if each)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=2), st.integers(0, 9), min_size=1, max_size=5))
def test_turns_are_shared_out_by_weight_exactly(weights: dict[str, int]) -> None:
    turns, total = Turns(), sum(weights.values())
    rounds = [turns.next([(key, float(weight), key) for key, weight in weights.items()]) for _ in range(total * 2)]
    assert Counter(rounds) == {key: weight * 2 for key, weight in weights.items() if weight}
    if not total:
        assert turns.next([(key, 0.0, key) for key in weights]) is None


def test_round_robin_gives_each_the_same() -> None:
    assert chosen(balancing(A, B), group(), 10) == {A.id: 5, B.id: 5}


def test_without_targets_there_is_none() -> None:
    assert balancing().target(group(), {}) is None


def test_the_least_busy_target_is_chosen() -> None:
    of, where = balancing(A, B), group(load_balancing__algorithm__type="least_outstanding_requests")
    for _ in range(3):
        of.began(where, A)
    assert chosen(of, where, 4) == {B.id: 4}
    for _ in range(3):
        of.ended(where, A)
    assert chosen(of, where, 4) == {A.id: 2, B.id: 2}


def test_a_target_that_warms_up_gets_its_part() -> None:
    where = group(slow_start__duration_seconds="100")
    assert chosen(balancing(A, B, t2=25.0), where, 100) == {A.id: 80, B.id: 20}
    assert chosen(balancing(A, B, t2=200.0), where, 100) == {A.id: 50, B.id: 50}


def test_a_cookie_keeps_a_client_with_a_target_that_may_get_requests() -> None:
    where = group(stickiness__enabled="true")
    cookies = {"AWSALB": digest(where.arn, B.key)}
    assert chosen(balancing(A, B), where, 6, cookies) == {B.id: 6}
    assert chosen(balancing(A, Target("10.0.0.3", 80)), where, 6, cookies) == {A.id: 3, "10.0.0.3": 3}
    assert chosen(balancing(A, B), where, 6, {"AWSALB": "forged"}) == {A.id: 3, B.id: 3}
    assert chosen(balancing(A, B), group(), 6, cookies) == {A.id: 3, B.id: 3}


def test_cookies_are_given_as_the_attributes_say() -> None:
    assert target_cookies(group(), A, [], 0) == []
    [(_, plain), (_, cors)] = target_cookies(group(stickiness__enabled="true"), A, [], 0)
    value = digest("arn:tg", A.key)
    assert plain == f"AWSALB={value}; Expires=Fri, 02 Jan 1970 00:00:00 GMT; Path=/"
    assert cors.startswith(f"AWSALBCORS={value}; ") and cors.endswith("; SameSite=None")
    app = {"stickiness__type": "app_cookie", "stickiness__app_cookie__cookie_name": "sid"}
    where = group(stickiness__enabled="true", **app)
    assert target_cookies(where, A, [("Set-Cookie", "other=1")], 0) == []
    assert [name for name, _ in target_cookies(where, A, [("set-cookie", "sid=1; Path=/")], 0)] == ["Set-Cookie"]
    assert [text.partition("=")[0] for _, text in group_cookies("g", 60, 0)] == ["AWSALBTG", "AWSALBTGCORS"]


BAD = Condition("unhealthy", "Target.FailedHealthChecks", "Health checks failed")


@pytest.mark.parametrize(
    ("results", "state"),
    [
        ("", "initial"),
        ("+", "healthy"),
        ("-", "initial"),
        ("--", "unhealthy"),
        ("+-", "healthy"),
        ("+-+-", "healthy"),
        ("+--", "unhealthy"),
        ("--++", "unhealthy"),
        ("--++-+++", "healthy"),
        ("--+++", "healthy"),
    ],
)
def test_thresholds_are_results_in_a_row(results: str, state: str) -> None:
    watch = _Watch(CHECK)
    for result in results:
        watch.note(None if result == "+" else BAD, 0)
    assert watch.condition.state == state
    assert (watch.condition is HEALTHY) is (state == "healthy")


@pytest.mark.parametrize(
    ("matcher", "expected"),
    [("200", {200}), ("200,202", {200, 202}), ("200-203", {200, 201, 202, 203}), ("200-201,404", {200, 201, 404})],
)
def test_matchers_name_statuses(matcher: str, expected: set[int]) -> None:
    assert codes(matcher) == expected


@pytest.mark.parametrize("matcher", ["", "x", "20", "200-", "500", "100", "200,", "200-600", "299-200"])
def test_other_matchers_are_none(matcher: str) -> None:
    assert codes(matcher) is None
