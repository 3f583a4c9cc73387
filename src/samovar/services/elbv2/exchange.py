"""One request on its way through a load balancer.

Owns: `Exchange`, what is known of it, and the headers that tell a target which way the request has come (ALB guide,
"HTTP headers and Application Load Balancers"). Made once per request: it is on the hot path.
"""

import asyncio
import re
from collections.abc import Callable
from enum import Enum

import msgspec

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


class Exchange(msgspec.Struct, eq=False):
    request: Request
    reply: Reply
    balancer: LoadBalancer
    listener: Listener
    port: str
    """The one that the client has connected to."""
    now: float
    over: "Callable[[Exchange, Response], None]"
    """Told of the answer."""
    trace: str = ""
    group: TargetGroup | None = None
    """That of the target that was chosen."""
    fate: Fate = Fate.OWN
    took_s: float = 0.0
    """What the target took until its answer began."""
    asked: float = 0.0
    cookies: Lines = []
    """Those that keep the client with its target group."""
    answered: bool = False

    def __post_init__(self) -> None:
        self.trace = _trace(self.request.headers.get("x-amzn-trace-id", ""), self.now)

    @property
    def secure(self) -> bool:
        return self.request.tls is not None or self.listener.protocol == "HTTPS"

    def choose(self, group: TargetGroup) -> None:
        """One of its targets gets the request, now."""
        self.group = group
        self.asked = asyncio.get_running_loop().time()

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
            self.took_s = asyncio.get_running_loop().time() - self.asked
        self.reply(Response(response.status, headers, response.body))
        self.over(self, response)

    @property
    def root(self) -> str:
        """The trace as functions are told it."""
        found = _ROOT.search(self.trace)
        return f"Root={found[1]}" if found else ""

    def forwarded(self) -> Lines:
        """The client's headers, and the way that they have come."""
        attributes, request = self.balancer.attributes, self.request
        lines = request.lines()
        if not _OURS.isdisjoint(request.headers):
            lines = [line for line in lines if line[0].lower() not in _OURS]
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
        lines += [("X-Forwarded-Port", self.port), ("X-Forwarded-Proto", "https" if self.secure else "http")]
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
