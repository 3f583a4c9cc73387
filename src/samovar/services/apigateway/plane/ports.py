"""Whom the data plane of REST APIs asks: what `app.py` hands in, and what it runs by itself."""

import ssl

import msgspec

from samovar.services.apigateway.plane.tasks import Tasks
from samovar.web.deadlines import Deadlines
from samovar.web.functions import Functions
from samovar.web.lambda_authorizer import LambdaAuthorizers
from samovar.web.service_requests import Forward
from samovar.web.upstream import Upstream


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
