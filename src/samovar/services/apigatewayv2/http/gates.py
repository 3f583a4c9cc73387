"""Who may take a route: JWT and Lambda authorizers, and signatures of AWS's (facts/apigateway.md §9).

Owns: what each kind refuses with, and what the target is told of a caller that was let in. Rule: a gate calls `then`
once, or refuses; without a task of its own.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from samovar.core.clock import Clock
from samovar.core.context import Acting
from samovar.core.errors import AwsError
from samovar.services.apigatewayv2.http import events
from samovar.services.apigatewayv2.http.exchange import Exchange
from samovar.services.apigatewayv2.http.sources import Read, source
from samovar.services.apigatewayv2.integrations import function_arn
from samovar.services.apigatewayv2.ports import Authority
from samovar.services.apigatewayv2.records import Authorizer, Route, Stage
from samovar.services.apigatewayv2.state import ApiKey
from samovar.web import jwt
from samovar.web.functions import PRINCIPAL
from samovar.web.lambda_authorizer import (
    ACTION,
    Failure,
    Grant,
    LambdaAuthorizers,
    Question,
    Verdict,
    read_policy_or_simple,
)
from samovar.web.signers import signer

Handler = Callable[[Exchange], None]
Gate = Callable[[Exchange, Handler], None]


class Gates:
    """Makes gates."""

    def __init__(
        self, clock: Clock, acting: Acting, keyring: jwt.Keyring, functions: LambdaAuthorizers, authority: Authority
    ) -> None:
        self.clock = clock
        self.acting = acting
        self.keyring = keyring
        self.functions = functions
        self.authority = authority

    def gate(self, key: ApiKey, stage: Stage, route: Route, authorizers: Mapping[str, Authorizer]) -> Gate | None:
        """None for a route that everybody may take."""
        if route.authorization_type == "AWS_IAM":
            return _Signed(self.authority).pass_
        authorizer = authorizers.get(route.authorizer_id or "")
        if route.authorization_type == "NONE":
            return None
        if authorizer is None:
            return _closed
        if authorizer.authorizer_type == "JWT":
            return _Bearer(self, authorizer, route.authorization_scopes or []).pass_
        return _Asked(self, key, stage, authorizer).pass_


def _closed(exchange: Exchange, then: Handler) -> None:
    """The authorizer that the route names isn't there."""
    exchange.refuse(500, why="The route's authorizer is missing")


class _Bearer:
    """A token of an issuer's."""

    def __init__(self, gates: Gates, authorizer: Authorizer, scopes: list[str]) -> None:
        configuration = authorizer.jwt_configuration or {}
        self._gates = gates
        self._issuer = str(configuration.get("Issuer") or "")
        self._audience = [str(each) for each in configuration.get("Audience") or ()]
        self._scopes = scopes
        self._read = source((authorizer.identity_source or [""])[0])

    def pass_(self, exchange: Exchange, then: Handler) -> None:
        given = self._read(exchange)
        if not given:
            exchange.refuse(401, headers=[("www-authenticate", "Bearer")])
            return
        try:
            token = jwt.read(jwt.bearer(given))
        except jwt.Invalid as wrong:
            _unauthorized(exchange, wrong)
            return
        self._gates.keyring.find(self._issuer, token.kid, partial(self._check, exchange, then, token))

    def _check(self, exchange: Exchange, then: Handler, token: jwt.Token, keys: list[jwt.Key]) -> None:
        try:
            jwt.check(token, keys, self._issuer, self._audience, self._gates.clock.now())
        except jwt.Invalid as wrong:
            _unauthorized(exchange, wrong)
            return
        scopes = jwt.scopes(token.claims)
        if self._scopes and not set(self._scopes).intersection(scopes):
            exchange.authorizer_error = "insufficient_scope"
            wanted = f'Bearer scope="{" ".join(self._scopes)}" error="insufficient_scope"'
            exchange.refuse(403, headers=[("www-authenticate", wanted)])
            return
        claims = {name: jwt.spoken(value) for name, value in token.claims.items() if value is not None}
        exchange.routed.authorizer = {"jwt": {"claims": claims, "scopes": scopes if self._scopes else None}}
        then(exchange)


def _unauthorized(exchange: Exchange, wrong: jwt.Invalid) -> None:
    exchange.authorizer_error = str(wrong)
    told = f'Bearer error="invalid_token" error_description="{wrong}"'
    exchange.refuse(401, headers=[("www-authenticate", told)])


class _Asked:
    """A function that says who may enter."""

    def __init__(self, gates: Gates, key: ApiKey, stage: Stage, authorizer: Authorizer) -> None:
        account, region, api = key
        self._gates = gates
        self._key = key
        self._stage = stage
        self._id = authorizer.authorizer_id
        self._function = function_arn(authorizer.authorizer_uri or "", stage.stage_variables) or ""
        self._principal = authorizer.authorizer_credentials_arn or PRINCIPAL
        self._source = f"arn:aws:execute-api:{region}:{account}:{api}/authorizers/{authorizer.authorizer_id}"
        self._reads: list[Read] = [source(each) for each in authorizer.identity_source or ()]
        self._ttl_s = authorizer.authorizer_result_ttl_in_seconds or 0
        simple = bool(authorizer.enable_simple_responses)
        self._understand = partial(read_policy_or_simple, simple=simple)
        is_first = authorizer.authorizer_payload_format_version == "1.0"
        self._event = events.authorizer_1 if is_first else events.authorizer_2

    def pass_(self, exchange: Exchange, then: Handler) -> None:
        sources = [value for read in self._reads if (value := read(exchange))]
        if len(sources) < len(self._reads):
            exchange.refuse(401)
            return
        account, region, api = self._key
        arn = route_arn(exchange)
        cache = (api, self._stage.stage_name, self._id, *sources) if self._ttl_s and sources else None
        question = Question(
            self._gates.acting(account, region, self._principal, self._source, exchange.routed.trace),
            self._function,
            lambda: self._event(exchange, arn, sources),
            self._understand,
            cache,
            self._ttl_s,
        )
        self._gates.functions.ask(question, partial(self._heard, exchange, then, arn), partial(_say, exchange))

    def _heard(self, exchange: Exchange, then: Handler, arn: str, said: Grant | Failure) -> None:
        if isinstance(said, Failure):
            exchange.authorizer_error = exchange.authorizer_error or said.value
            exchange.refuse(401 if said is Failure.UNAUTHORIZED else 500)
        elif said.verdict(arn, partial(_facts, exchange)) is not Verdict.ALLOWED:
            exchange.refuse(403)
        else:
            context: dict[str, Any] = dict(said.context)
            if said.principal:
                context["principalId"] = said.principal
            exchange.routed.authorizer = {"lambda": context or None}
            then(exchange)


def _say(exchange: Exchange, line: str) -> None:
    exchange.authorizer_error = line


class _Signed:
    """A signature of AWS's (`AWS_IAM`)."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def pass_(self, exchange: Exchange, then: Handler) -> None:
        try:
            who = signer(self._authority, exchange.visit.ctx, exchange.request, (ACTION,), route_arn(exchange))
        except AwsError as refused:
            exchange.authorizer_error = refused.message
            who = None
        if who is None:
            exchange.refuse(403)
        else:
            exchange.routed.authorizer = {"iam": who.shown()}
            then(exchange)


def route_arn(exchange: Exchange) -> str:
    """What a request invokes, as policies name it."""
    routed, request = exchange.routed, exchange.request
    region = exchange.region
    below = exchange.path.lstrip("/")
    return f"arn:aws:execute-api:{region}:{routed.account}:{routed.api}/{routed.stage}/{request.method}/{below}"


def _facts(exchange: Exchange, key: str) -> tuple[str, ...] | None:
    """The condition keys that a policy of an authorizer may ask for."""
    request = exchange.request
    found = {
        "aws:sourceip": request.peer,
        "aws:useragent": request.headers.get("user-agent", ""),
        "aws:referer": request.headers.get("referer", ""),
        "aws:securetransport": "true" if request.tls else "false",
        "aws:requestedregion": exchange.region,
    }.get(key)
    return (found,) if found else None
