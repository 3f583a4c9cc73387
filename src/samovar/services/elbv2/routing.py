"""From a host name or a path to a load balancer, its listener, and the rule that a request meets.

Owns: which of its listeners answers at the platform's port, and rules, compiled once for the records that they follow
from. By http it is the HTTP listener on port 80, or on the lowest port; by https the same of the HTTPS listeners. Where
there is none of the kind, one of the other kind answers: TLS may end in front of us, or not be there.
"""

import msgspec

from samovar.net.message import Request
from samovar.services.elbv2 import conditions
from samovar.services.elbv2.conditions import Meets
from samovar.services.elbv2.records import Listener, LoadBalancer, Rule, Shape
from samovar.services.elbv2.state import State, place
from samovar.web.balancers import LABEL, PATH


class Forward(msgspec.Struct, frozen=True):
    """An action that forwards."""

    weights: dict[str, int]
    """Of target groups, by their ARNs."""
    sticky_s: int | None
    """For so long a client stays with its group; None: it doesn't."""


Action = Forward | Shape
"""The others as AWS shows them."""


class Served(msgspec.Struct, frozen=True):
    """A listener, ready for requests."""

    balancer: LoadBalancer
    listener: Listener
    rules: list[tuple[Meets, str, Action]]
    """(whether a request meets it, its ARN, its action), in the order in which they are tried."""
    default: Action

    def action(self, request: Request) -> tuple[str, Action]:
        """(whose it is, the action) of the first rule that a request meets."""
        for meets, arn, action in self.rules:
            if meets(request):
                return arn, action
        return self.listener.arn, self.default


class Routing:
    def __init__(self, state: State) -> None:
        self._state = state
        self._changes = -1
        self._names: dict[str, LoadBalancer] = {}
        self._entries: dict[tuple[str, bool, int], Served | None] = {}
        self._ports: dict[tuple[int, str], Served | None] = {}

    def find(self, request: Request) -> Served | None:
        """Who answers a request at the platform's own port. The path form's prefix is taken from it."""
        self._refresh()
        host = request.headers.get("host", "").lower().partition(":")[0]
        port = 0
        if host.endswith(LABEL):
            balancer = self._names.get(host)
        else:
            wanted, _, rest = request.path.removeprefix(PATH).partition("/")
            name, _, digits = wanted.partition(":")
            balancer = self._names.get(name)
            port = int(digits) if digits.isdecimal() and len(digits) < 6 else 0
            request.path = f"/{rest}"
        if balancer is None:
            return None
        return self._entry(balancer, request.tls is not None, port)

    def at_port(self, port: int, request: Request) -> Served | None:
        """Who answers at a listener's own port: the load balancer that the host names, else the only one, or the first
        that was made there, for names of the user's own lead to any of them."""
        self._refresh()
        host = request.headers.get("host", "").lower().partition(":")[0]
        key = (port, host if host in self._names else "")
        if key not in self._ports:
            self._ports[key] = self._at(port, self._names.get(host))
        return self._ports[key]

    def _at(self, port: int, named: LoadBalancer | None) -> Served | None:
        found = [each for _, each in self._state.listeners.items() if each.port == port and each.protocol != "TCP"]
        if named is not None:
            found = [each for each in found if each.load_balancer == named.arn]
        balancers = [(self._balancer(each), each) for each in found]
        known = [(balancer, each) for balancer, each in balancers if balancer is not None]
        if not known:
            return None
        return self._served(*min(known, key=lambda each: each[0].created_at))

    def _entry(self, balancer: LoadBalancer, secure: bool, port: int) -> Served | None:
        key = (balancer.arn, secure, port)
        if key not in self._entries:
            there = [each for each in self._state.listeners_of(balancer.arn) if port in (0, each.port)]
            usual = (443, "HTTPS") if secure else (80, "HTTP")
            there.sort(key=lambda each: (each.protocol != usual[1], each.port != usual[0], each.port))
            self._entries[key] = self._served(balancer, there[0]) if there else None
        return self._entries[key]

    def _served(self, balancer: LoadBalancer, listener: Listener) -> Served:
        rules = self._state.rules_of(listener.arn)
        return Served(balancer, listener, [_compiled(rule) for rule in rules], _action(listener.actions[0]))

    def _balancer(self, listener: Listener) -> LoadBalancer | None:
        return self._state.load_balancers.get((*place(listener.arn), listener.load_balancer))

    def _refresh(self) -> None:
        """What was compiled counts until any record changes."""
        if self._changes == self._state.changes:
            return
        self._changes = self._state.changes
        self._entries.clear()
        self._ports.clear()
        self._names = {}
        for each in (each for _, each in self._state.load_balancers.items() if not each.is_network):
            self._names[each.dns_name] = each
            self._names.setdefault(each.name, each)


def _compiled(rule: Rule) -> tuple[Meets, str, Action]:
    return conditions.compiled(rule.conditions), rule.arn, _action(rule.actions[0])


def _action(shape: Shape) -> Action:
    if shape["Type"] != "forward":
        return shape
    config = shape["ForwardConfig"]
    weights = {each["TargetGroupArn"]: each["Weight"] for each in config["TargetGroups"]}
    sticky = config["TargetGroupStickinessConfig"]
    return Forward(weights, sticky["DurationSeconds"] if sticky["Enabled"] else None)
