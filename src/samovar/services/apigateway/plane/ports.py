"""Whom the data plane of REST APIs asks: what `app` hands in, and what it runs by itself."""

import re
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from samovar.core.clock import Clock
from samovar.services.apigateway.plane.certificates import ClientCertificates
from samovar.services.apigateway.plane.exchange import Exchange
from samovar.services.apigateway.plane.refusals import Refusal
from samovar.services.apigateway.plane.tasks import Tasks
from samovar.web.deadlines import Deadlines
from samovar.web.functions import PRINCIPAL, Functions
from samovar.web.jwt import Keyring
from samovar.web.lambda_authorizer import LambdaAuthorizers
from samovar.web.service_requests import Forward
from samovar.web.urls import Urls

_CALLER = "arn:aws:iam::*:user/*"
"""The credentials of whoever calls the API."""
_VARIABLE = re.compile(r"\$\{stageVariables\.(\w+)\}|\$\{stageVariables\['(\w+)'\]\}")


def filled(text: str, variables: Mapping[str, str]) -> str:
    """With the stage's variables in their places; one that isn't set leaves nothing."""
    return _VARIABLE.sub(lambda found: variables.get(found[1] or found[2], ""), text) if "${" in text else text


class Ports(msgspec.Struct, frozen=True):
    functions: Functions
    authorizers: LambdaAuthorizers
    tasks: Tasks
    deadlines: Deadlines
    forward: Forward
    urls: Urls
    keyring: Keyring
    clock: Clock
    endpoint: Callable[[], Awaitable[str]]
    """The platform's own address."""
    certificates: ClientCertificates
    trusts: Callable[[str, str], bool]
    """Whether a role (its ARN) can be taken on by a service."""
    link: Callable[[str, str, str], str]
    """(account, region, id) of a VPC link -> the load balancer that it leads to; empty where there is none."""

    def principal(self, exchange: Exchange, credentials: str) -> str:
        """As whom an integration acts; Refusal where that can't be. `credentials`: as they are configured."""
        role = filled(credentials, exchange.variables)
        if not role:
            return PRINCIPAL
        if role == _CALLER:
            return exchange.ctx.principal
        if not self.trusts(role, PRINCIPAL):
            exchange.say(f"Execution failed due to configuration error: {PRINCIPAL} can't assume the role {role}")
            raise Refusal("API_CONFIGURATION_ERROR")
        return role
