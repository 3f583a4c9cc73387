"""Whom the data plane of REST APIs asks: what `app.py` hands in, and what it runs by itself."""

import ssl
from collections.abc import Awaitable, Callable

import msgspec

from samovar.core.context import Context
from samovar.net.message import Request, Response
from samovar.services.apigateway.plane.tasks import Tasks
from samovar.web.deadlines import Deadlines
from samovar.web.functions import Functions
from samovar.web.lambda_authorizer import LambdaAuthorizers
from samovar.web.upstream import Upstream

Forward = Callable[[Context, str, Request], Awaitable[Response]]
"""(as whom, the service as host names spell it, a request in its own protocol) -> its answer, refusals included."""


class Ports(msgspec.Struct, frozen=True):
    functions: Functions
    authorizers: LambdaAuthorizers
    tasks: Tasks
    deadlines: Deadlines
    forward: Forward
    upstream: Upstream
    verified: ssl.SSLContext
    """For https with servers whose certificates count."""
    unverified: ssl.SSLContext
    """For those that an API's owner trusts without (`insecureSkipVerification`)."""
