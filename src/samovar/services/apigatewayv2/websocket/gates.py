"""Who may connect: the authorizer of `$connect`, or a signature, and an API key (facts/apigateway.md §7, §10).

Owns: what identifies a caller, the event that the function gets, and what a refusal is. Rules: nobody is asked about a
caller that doesn't show what identifies it; answers aren't remembered, for a handshake is asked about once.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from samovar.core.context import Acting
from samovar.core.errors import AwsError
from samovar.services.apigatewayv2.errors import bad_request
from samovar.services.apigatewayv2.integrations import function_arn
from samovar.services.apigatewayv2.ports import Authority
from samovar.services.apigatewayv2.records import Api, Authorizer, Route, Stage
from samovar.services.apigatewayv2.state import ApiKey
from samovar.services.apigatewayv2.websocket import event
from samovar.services.apigatewayv2.websocket.answer import (
    EXHAUSTED,
    FORBIDDEN,
    INTERNAL,
    MISSING_TOKEN,
    THROTTLED,
    UNAUTHORIZED,
    Answer,
    failed,
)
from samovar.services.apigatewayv2.websocket.event import Occurrence
from samovar.services.apigatewayv2.websocket.lookup import Lookup
from samovar.web.api_keys import ApiKeys, Denied
from samovar.web.front import Visit
from samovar.web.functions import PRINCIPAL
from samovar.web.lambda_authorizer import (
    ACTION,
    Failure,
    Grant,
    LambdaAuthorizers,
    Question,
    Verdict,
    read_policy,
)
from samovar.web.signers import signer

Then = Callable[[Answer | None], None]
"""Hears None when the caller may connect; what it may know of the caller is then the occurrence's `authorizer`."""

Gate = Callable[[Occurrence, Visit, Then], None]

KEY_OF_AUTHORIZER = "$context.authorizer.usageIdentifierKey"
KEY_SOURCES = ("$request.header.x-api-key", KEY_OF_AUTHORIZER)
_DENIED = {
    Denied.INVALID: failed(403, FORBIDDEN),
    Denied.THROTTLED: failed(429, THROTTLED),
    Denied.EXHAUSTED: failed(429, EXHAUSTED),
}
_SOURCE = re.compile(r"route\.(request\.(?:header|querystring)\.[^.\s]+)|((?:stageVariables|context)\.\S+)")


class Gates:
    """Makes gates."""

    def __init__(
        self, acting: Acting, authorizers: LambdaAuthorizers, authority: Authority, api_keys: ApiKeys
    ) -> None:
        self.acting = acting
        self._api_keys = api_keys
        self.authorizers = authorizers
        self.authority = authority

    def gate(
        self, key: ApiKey, api: Api, stage: Stage, route: Route, authorizers: Mapping[str, Authorizer]
    ) -> Gate | None:
        """None for a route that everybody may take."""
        gate = self._of_type(key, stage, route, authorizers)
        return _Keyed(self._api_keys, api, gate).pass_ if route.api_key_required else gate

    def _of_type(
        self, key: ApiKey, stage: Stage, route: Route, authorizers: Mapping[str, Authorizer]
    ) -> Gate | None:
        if route.authorization_type == "NONE":
            return None
        if route.authorization_type == "AWS_IAM":
            return _Signed(self.authority).pass_
        authorizer = authorizers.get(route.authorizer_id or "")
        if route.authorization_type != "CUSTOM" or authorizer is None:
            return _closed
        return _Asked(self, key, stage, authorizer).pass_


def _closed(happened: Occurrence, visit: Visit, then: Then) -> None:
    """The authorizer that the route names isn't there."""
    then(failed())


class _Asked:
    """A function that says who may connect."""

    def __init__(self, gates: Gates, key: ApiKey, stage: Stage, authorizer: Authorizer) -> None:
        account, region, api = key
        self._gates = gates
        self._key = key
        self._function = function_arn(authorizer.authorizer_uri or "", stage.stage_variables) or ""
        self._principal = authorizer.authorizer_credentials_arn or PRINCIPAL
        self._source = f"arn:aws:execute-api:{region}:{account}:{api}/authorizers/{authorizer.authorizer_id}"
        self._identity = [name for each in authorizer.identity_source or () if (name := source(each))]

    def pass_(self, happened: Occurrence, visit: Visit, then: Then) -> None:
        lookup = Lookup(happened)
        if not all(lookup(name) for name in self._identity):
            then(failed(401, UNAUTHORIZED))
            return
        account, region, _ = self._key
        arn = route_arn(happened)
        question = Question(
            self._gates.acting(account, region, self._principal, self._source),
            self._function,
            lambda: _event(happened, arn),
            read_policy,
        )
        started = asyncio.get_running_loop().time()
        self._gates.authorizers.ask(question, partial(self._heard, happened, arn, started, then))

    def _heard(
        self, happened: Occurrence, arn: str, started: float, then: Then, said: Grant | Failure
    ) -> None:
        if isinstance(said, Failure):
            unauthorized = said is Failure.UNAUTHORIZED
            then(failed(401, UNAUTHORIZED) if unauthorized else failed(500, INTERNAL))
        elif said.verdict(arn, partial(_facts, happened)) is not Verdict.ALLOWED:
            then(failed(403, FORBIDDEN))
        else:
            took = round((asyncio.get_running_loop().time() - started) * 1000)
            happened.authorizer = {"principalId": said.principal, **said.context, "integrationLatency": took}
            happened.usage_key = said.usage_key
            then(None)


class _Keyed:
    """An API key, asked for after everything else (facts/apigateway.md §7)."""

    def __init__(self, api_keys: ApiKeys, api: Api, gate: Gate | None) -> None:
        self._api_keys = api_keys
        self._by_authorizer = api.api_key_selection_expression == KEY_OF_AUTHORIZER
        self._gate = gate

    def pass_(self, happened: Occurrence, visit: Visit, then: Then) -> None:
        if self._gate is None:
            self._entered(happened, then, None)
        else:
            self._gate(happened, visit, partial(self._entered, happened, then))

    def _entered(self, happened: Occurrence, then: Then, refused: Answer | None) -> None:
        if refused is not None:
            then(refused)
            return
        value = happened.usage_key if self._by_authorizer else happened.handshake.headers.get("x-api-key", "")
        connection = happened.connection
        found = self._api_keys.claim(connection.key, connection.stage, happened.route_key, value)
        if isinstance(found, Denied):
            then(_DENIED[found])
            return
        happened.caller = {**happened.caller, "apiKey": value, "apiKeyId": found}
        then(None)


class _Signed:
    """A signature of AWS's (`AWS_IAM`)."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def pass_(self, happened: Occurrence, visit: Visit, then: Then) -> None:
        try:
            who = signer(self._authority, visit.ctx, visit.request, (ACTION,), route_arn(happened))
        except AwsError as refused:
            then(failed(403, refused.message))
            return
        if who is None:
            then(failed(403, MISSING_TOKEN))
        else:
            happened.caller = who.identity()
            then(None)


def source(expression: str) -> str | None:
    """The variable that an identity source means; None for what isn't one."""
    found = _SOURCE.fullmatch(expression)
    return (found[1] or found[2]) if found else None


def check_sources(expressions: list[str]) -> None:
    """AwsError for identity sources that a WebSocket API doesn't have."""
    for each in expressions:
        if source(each) is None:
            raise bad_request(
                f"Invalid identity source {each}: route.request.header.NAME, route.request.querystring.NAME, "
                "stageVariables.NAME and context.NAME are"
            )


def route_arn(happened: Occurrence) -> str:
    """What a handshake invokes, as policies name it."""
    connection = happened.connection
    account, region, api = connection.key
    return f"arn:aws:execute-api:{region}:{account}:{api}/{connection.stage}/{happened.route_key}"


def _event(happened: Occurrence, arn: str) -> bytes:
    asked: dict[str, Any] = {"type": "REQUEST", "methodArn": arn, **happened.shaken}
    asked["stageVariables"] = happened.variables
    asked["requestContext"] = event.context(happened)
    return msgspec.json.encode(asked)


def _facts(happened: Occurrence, key: str) -> tuple[str, ...] | None:
    """The condition keys that a policy of an authorizer may ask for."""
    found = {
        "aws:sourceip": happened.connection.source_ip,
        "aws:useragent": happened.connection.user_agent,
        "aws:referer": happened.handshake.headers.get("referer", ""),
        "aws:requestedregion": happened.connection.key[1],
    }.get(key)
    return (found,) if found else None
