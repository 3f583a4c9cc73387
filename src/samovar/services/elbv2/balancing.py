"""Which target group, and which of its targets, gets a request (ALB guide, "Routing algorithms", "Sticky sessions").

Owns: turns, counts of requests under way, and the cookies that keep a client with its target. Rules:
- Weights are shared out smoothly: 3 to 1 gives three of each four requests, never a run by chance.
- A cookie names a target by a digest, and counts only while that target may get requests.
- A target that warms up (slow start) gets the share of its turn that has passed of its time.
"""

import hashlib
import time
from collections.abc import Iterable, Sequence
from typing import TypeVar

from samovar.services.elbv2 import attributes
from samovar.services.elbv2.health import Health
from samovar.services.elbv2.records import Target, TargetGroup

T = TypeVar("T")
Lines = list[tuple[str, str]]

_LEAST_SHARE = 0.01


class Turns:
    """Shares turns out by weights, smoothly: whoever is owed most is next, and then owes the sum."""

    def __init__(self) -> None:
        self._owed: dict[str, float] = {}

    def next(self, choices: Sequence[tuple[str, float, T]]) -> T | None:
        """`choices`: (key, weight, what); None when nobody has weight."""
        total = sum(weight for _, weight, _ in choices)
        if total <= 0:
            return None
        if self._owed.keys() != {key for key, _, _ in choices}:
            self._owed = {key: self._owed.get(key, 0.0) for key, _, _ in choices}
        best: tuple[float, str, T] | None = None
        for key, weight, what in choices:
            owed = self._owed[key] = self._owed[key] + weight
            if weight > 0 and (best is None or owed > best[0]):
                best = (owed, key, what)
        if best is None:
            return None
        self._owed[best[1]] -= total
        return best[2]


class Balancing:
    def __init__(self, health: Health) -> None:
        self._health = health
        self._turns: dict[str, Turns] = {}
        self._at: dict[str, int] = {}
        self._under_way: dict[tuple[str, str], int] = {}

    def group(self, action: str, weights: dict[str, int]) -> str | None:
        """One of the groups that an action forwards to; None when all weigh nothing."""
        if len(weights) == 1:
            return next(iter(weights)) if any(weights.values()) else None
        turns = self._turns.setdefault(action, Turns())
        return turns.next([(arn, float(weight), arn) for arn, weight in weights.items()])

    def target(self, group: TargetGroup, cookies: dict[str, str]) -> Target | None:
        """The one that gets a request; None when there is none."""
        there = self._health.routable(group)
        if len(there) > 1 and group.attributes.get("stickiness.enabled") == "true":
            kept = self._kept(group, there, cookies)
            if kept is not None:
                return kept
        if len(there) <= 1:
            return there[0] if there else None
        first = self._at[group.arn] = (self._at.get(group.arn, -1) + 1) % len(there)
        if group.attributes.get("load_balancing.algorithm.type") == "least_outstanding_requests":
            order = [*there[first:], *there[:first]]
            return min(order, key=lambda each: self._under_way.get((group.arn, each.key), 0))
        slow_s = int(group.attributes.get("slow_start.duration_seconds", "0"))
        if slow_s:
            return self._warming(group, there, slow_s)
        return there[first]

    def began(self, group: TargetGroup, target: Target) -> None:
        key = (group.arn, target.key)
        self._under_way[key] = self._under_way.get(key, 0) + 1

    def ended(self, group: TargetGroup, target: Target) -> None:
        key = (group.arn, target.key)
        left = self._under_way.get(key, 0) - 1
        if left > 0:
            self._under_way[key] = left
        else:
            self._under_way.pop(key, None)

    def forget(self) -> None:
        """Groups and actions may have gone."""
        self._turns.clear()
        self._at.clear()

    def _warming(self, group: TargetGroup, there: list[Target], slow_s: int) -> Target | None:
        shares = [min(1.0, max(_LEAST_SHARE, self._health.healthy_for(group, each) / slow_s)) for each in there]
        turns = self._turns.setdefault(group.arn, Turns())
        return turns.next([(each.key, share, each) for each, share in zip(there, shares, strict=True)])

    @staticmethod
    def _kept(group: TargetGroup, there: list[Target], cookies: dict[str, str]) -> Target | None:
        wanted = cookies.get(_cookie(group))
        if not wanted:
            return None
        return next((each for each in there if digest(group.arn, each.key) == wanted), None)


def digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=24).hexdigest()


def cookies_of(header: str) -> dict[str, str]:
    if not header:
        return {}
    return {name.strip(): value.strip() for name, _, value in (each.partition("=") for each in header.split(";"))}


def _cookie(group: TargetGroup) -> str:
    return "AWSALBAPP-0" if group.attributes.get("stickiness.type") == "app_cookie" else "AWSALB"


def target_cookies(group: TargetGroup, target: Target, answered: Iterable[tuple[str, str]], now: float) -> Lines:
    """What keeps a client with its target; `answered` are the headers of that target's answer."""
    if group.attributes.get("stickiness.enabled") != "true":
        return []
    known = attributes.of_group(group)
    value = digest(group.arn, target.key)
    if _cookie(group) == "AWSALB":
        seconds = attributes.value(known, group.attributes, "stickiness.lb_cookie.duration_seconds")
        return _cookies("AWSALB", value, int(seconds), now)
    name = group.attributes.get("stickiness.app_cookie.cookie_name", "")
    if not any(key.lower() == "set-cookie" and text.startswith(f"{name}=") for key, text in answered):
        return []
    seconds = attributes.value(known, group.attributes, "stickiness.app_cookie.duration_seconds")
    return [("Set-Cookie", f"AWSALBAPP-0={value}; Expires={_date(now + int(seconds))}; Path=/")]


def group_cookies(group: str, seconds: int, now: float) -> Lines:
    """What keeps a client with the group that it was forwarded to."""
    return _cookies("AWSALBTG", digest(group), seconds, now)


def _cookies(name: str, value: str, seconds: int, now: float) -> Lines:
    """The second is for requests from other sites' pages."""
    body = f"={value}; Expires={_date(now + seconds)}; Path=/"
    return [("Set-Cookie", f"{name}{body}"), ("Set-Cookie", f"{name}CORS{body}; SameSite=None")]


def _date(epoch_s: float) -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(epoch_s))
