"""Load balancers at their doors: from a web request to the action of its rule.

Owns: what each action does with a request. Rule: what can be read from the records is read once, when they change.
"""

from collections.abc import Callable

from samovar.core.clock import Clock
from samovar.core.context import Context
from samovar.net.message import Reply, Request, Response
from samovar.services.elbv2 import actions, answers
from samovar.services.elbv2.balancing import Balancing, cookies_of, digest, group_cookies
from samovar.services.elbv2.conditions import host_of
from samovar.services.elbv2.exchange import Exchange, Fate
from samovar.services.elbv2.functions import FunctionTargets
from samovar.services.elbv2.routing import Action, Forward, Routing, Served
from samovar.services.elbv2.servers import ServerTargets
from samovar.services.elbv2.state import State, place

_LONGEST_URL = 16 * 1024


class Site:
    def __init__(
        self,
        state: State,
        clock: Clock,
        routing: Routing,
        balancing: Balancing,
        functions: FunctionTargets,
        servers: ServerTargets,
        count: Callable[[Exchange, Response], None],
    ) -> None:
        """`count` is told of each answer."""
        self._count = count
        self._state = state
        self._clock = clock
        self._routing = routing
        self._balancing = balancing
        self._functions = functions
        self._servers = servers

    def serve(self, request: Request, ctx: Context, reply: Reply) -> None:
        """Answer a request that came to the platform's own port."""
        self._open(self._routing.find(request), request, reply, _port(request))

    def serve_at(self, port: int, request: Request, reply: Reply) -> None:
        """Answer a request that came to a listener's own port."""
        served = self._routing.at_port(port, request)
        if served is not None and (served.listener.protocol == "HTTPS") is not (request.tls is not None):
            reply(answers.page(400))
        else:
            self._open(served, request, reply, str(port))

    def _open(self, served: Served | None, request: Request, reply: Reply, port: str) -> None:
        if served is None:
            reply(answers.page(404))
        elif len(request.path) + len(request.query) > _LONGEST_URL:
            reply(answers.page(414))
        elif request.method == "TRACE":  # ALB guide, "Troubleshoot", HTTP 405
            reply(answers.page(405))
        else:
            now = self._clock.machine()
            exchange = Exchange(request, reply, served.balancer, served.listener, port, now, self._count)
            of, action = served.action(request)
            self._act(exchange, of, action)

    def _act(self, exchange: Exchange, of: str, action: Action) -> None:
        if isinstance(action, Forward):
            self._forward(exchange, of, action)
        elif action["Type"] == "redirect":
            config = action["RedirectConfig"]
            to = actions.location(config, _parts(exchange))
            exchange.answer(answers.moved(int(config["StatusCode"][5:]), to), Fate.REDIRECTED)
        else:
            config = action["FixedResponseConfig"]
            text = config.get("MessageBody", "")
            fixed = answers.fixed(int(config["StatusCode"]), config.get("ContentType", ""), text)
            exchange.answer(fixed, Fate.FIXED)

    def _forward(self, exchange: Exchange, of: str, forward: Forward) -> None:
        weights, sticky_s = forward.weights, forward.sticky_s
        cookies = cookies_of(exchange.request.headers.get("cookie", ""))
        chosen = None
        if sticky_s is not None:
            kept = cookies.get("AWSALBTG")
            chosen = next((arn for arn, weight in weights.items() if weight and digest(arn) == kept), None)
        chosen = chosen or self._balancing.group(of, weights)
        group = self._state.groups.get((*place(chosen), chosen)) if chosen else None
        target = self._balancing.target(group, cookies) if group else None
        if group is None or target is None:
            exchange.answer(answers.page(503))
            return
        if sticky_s is not None:
            exchange.cookies = group_cookies(group.arn, sticky_s, exchange.now)
        if group.target_type == "lambda":
            self._functions.serve(exchange, group, target)
        else:
            self._servers.serve(exchange, group, target)


def _port(request: Request) -> str:
    """The port that the client has connected to, as it says."""
    _, colon, port = request.headers.get("host", "").rpartition(":")
    return port if colon and port.isdecimal() else ("443" if request.tls else "80")


def _parts(exchange: Exchange) -> dict[str, str]:
    request = exchange.request
    return {
        "protocol": "HTTPS" if exchange.secure else "HTTP",
        "host": host_of(request),
        "port": exchange.port,
        "path": request.path[1:],
        "query": request.query,
    }
