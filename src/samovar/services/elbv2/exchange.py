"""One request on its way through a load balancer.

Owns: `Exchange`, what is known of it, and the headers that tell a target which way the request has come (ALB guide,
"HTTP headers and Application Load Balancers"). Made once per request, slotted: it is on the hot path.
"""

import asyncio
import re
from collections.abc import Callable
from enum import Enum

from samovar.core import ids
from samovar.net.message import Closable, Reply, Request, Response
from samovar.services.elbv2.records import Listener, LoadBalancer, TargetGroup

Lines = list[tuple[str, str]]

_OURS = frozenset({"x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"})
_USUAL = re.compile(r"[A-Za-z0-9-]+")
_ROOT = re.compile(r"(?:^|;)\s*Root=([^;]+)")


class Fate(Enum):
    """Who has answered a request, as metrics tell it apart."""

    OWN = "the load balancer"
    REDIRECTED = "an action that redirects"
    FIXED = "an action with a fixed response"
    FUNCTION_FAILED = "the load balancer, as a function has failed"
    UNREACHABLE = "the load balancer, as there was no connection to a target"
    ANSWERED = "the target"


class Exchange:
    __slots__ = (
        "_asked", "_over", "_reply", "answered", "balancer", "cookies", "fate", "group", "listener", "now", "port",
        "request", "secure", "took_s", "trace",
    )  # fmt: skip

    def __init__(
        self,
        request: Request,
        reply: Reply,
        balancer: LoadBalancer,
        listener: Listener,
        port: str,
        now: float,
        over: "Callable[[Exchange, Response], None]",
    ) -> None:
        """`port`: the one that the client has connected to; `over` is told of the answer."""
        self._reply = reply
        self._over = over
        self.group: TargetGroup | None = None
        """That of the target that was chosen."""
        self.fate = Fate.OWN
        self.took_s = 0.0
        """What the target took until its answer began."""
        self._asked = 0.0
        self.request = request
        self.balancer = balancer
        self.listener = listener
        self.port = port
        self.now = now
        self.secure = request.tls is not None or listener.protocol == "HTTPS"
        self.trace = _trace(request.headers.get("x-amzn-trace-id", ""), now)
        self.cookies: Lines = []
        """Those that keep the client with its target group."""
        self.answered = False

    def choose(self, group: TargetGroup) -> None:
        """One of its targets gets the request, now."""
        self.group = group
        self._asked = asyncio.get_running_loop().time()

    def answer(self, response: Response, fate: Fate = Fate.OWN) -> None:
        """Give the one answer."""
        if self.answered:
            if isinstance(response.body, Closable):
                response.body.close()
            return
        self.answered = True
        headers = response.headers
        if self.cookies:
            headers = [*headers, *self.cookies]
        if self.listener.attributes.get("routing.http.response.server.enabled") == "false":
            headers = [(name, value) for name, value in headers if (name, value) != ("Server", "awselb/2.0")]
        self.fate = fate
        if self.group is not None:
            self.took_s = asyncio.get_running_loop().time() - self._asked
        self._reply(Response(response.status, headers, response.body))
        self._over(self, response)

    @property
    def root(self) -> str:
        """The trace as functions are told it."""
        found = _ROOT.search(self.trace)
        return f"Root={found[1]}" if found else ""

    def forwarded(self) -> Lines:
        """The client's headers, and the way that they have come."""
        attributes, request = self.balancer.attributes, self.request
        lines = [line for line in request.lines() if line[0].lower() not in _OURS]
        if attributes.get("routing.http.drop_invalid_header_fields.enabled") == "true":
            lines = [line for line in lines if _USUAL.fullmatch(line[0])]
        lines.append(("X-Amzn-Trace-Id", self.trace))
        before = request.headers.get("x-forwarded-for", "")
        mode = attributes.get("routing.http.xff_header_processing.mode", "append")
        if mode == "append":
            peer = request.peer or "127.0.0.1"
            lines.append(("X-Forwarded-For", f"{before}, {peer}" if before else peer))
        elif mode == "preserve" and before:
            lines.append(("X-Forwarded-For", before))
        lines.append(("X-Forwarded-Port", self.port))
        lines.append(("X-Forwarded-Proto", "https" if self.secure else "http"))
        told = attributes.get("routing.http.x_amzn_tls_version_and_cipher_suite.enabled") == "true"
        if told and request.tls is not None:
            lines.append(("X-Amzn-Tls-Version", request.tls[0]))
            lines.append(("X-Amzn-Tls-Cipher-Suite", request.tls[1]))
        return lines


def _trace(given: str, now: float) -> str:
    """A root is made where there is none, and named beside a root that came along (ALB guide, "Request tracing")."""
    own = f"1-{int(now):08x}-{ids.hex_id(24)}"
    if not given:
        return f"Root={own}"
    return f"Self={own};{given}" if _ROOT.search(given) else f"Root={own};{given}"
