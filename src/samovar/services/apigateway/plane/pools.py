"""COGNITO_USER_POOLS: tokens that a user pool has signed (facts/apigateway.md §7).

Owns: which token counts for which method, and how its claims are shown. Rules: without scopes on the method it is the
id token, with them the access token that has one of them; claims arrive as text. A pool's keys are its issuer's.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from samovar.core import arn
from samovar.core.clock import Clock
from samovar.services.apigateway import expressions
from samovar.services.apigateway.plane.exchange import Exchange
from samovar.services.apigateway.plane.refusals import Refusal
from samovar.services.apigateway.state import Shape
from samovar.web import jwt
from samovar.web.patterns import Pattern

Then = Callable[[Refusal | None], None]

EXPIRED = "The incoming token has expired"
_MOMENTS = frozenset({"exp", "iat"})


class PoolAuthorizer:
    def __init__(self, shape: Shape, scopes: tuple[str, ...], keyring: jwt.Keyring, clock: Clock) -> None:
        """`scopes`: those of the method."""
        self._scopes = frozenset(scopes)
        self._keyring = keyring
        self._clock = clock
        self._source = expressions.identity_source(shape.get("identitySource") or "")
        self._issuers = [issuer for each in shape.get("providerARNs") or () if (issuer := issuer_of(each))]
        expression = shape.get("identityValidationExpression")
        self._pattern = Pattern(expression) if expression else None

    def ask(self, exchange: Exchange, then: Then) -> None:
        """`then` hears None for a token that counts; its claims are then in `exchange.authorizer`."""
        given = exchange.identity_value(self._source) if self._source else None
        if not given:
            raise Refusal("UNAUTHORIZED")
        try:
            token = jwt.read(jwt.bearer(given))
        except jwt.Invalid:
            raise Refusal("UNAUTHORIZED") from None
        issuer = str(token.claims.get("iss") or "")
        if issuer not in self._issuers or not self._is_meant(token.claims):
            raise Refusal("UNAUTHORIZED")
        self._keyring.find(issuer, token.kid, partial(self._check, exchange, then, token, issuer))

    def _is_meant(self, claims: jwt.Claims) -> bool:
        use = claims.get("token_use")
        if self._scopes:
            return use == "access" and bool(self._scopes.intersection(jwt.scopes(claims)))
        return use == "id" and (self._pattern is None or self._pattern.matches(str(claims.get("aud") or "")))

    def _check(self, exchange: Exchange, then: Then, token: jwt.Token, issuer: str, keys: list[jwt.Key]) -> None:
        claims, now = token.claims, self._clock.now()
        audience = claims.get("aud", claims.get("client_id"))
        try:
            jwt.check(token, keys, issuer, [str(audience)], min(now, _before(claims)))
        except jwt.Invalid:
            then(Refusal("UNAUTHORIZED"))
            return
        if claims["exp"] <= now:
            then(Refusal("UNAUTHORIZED", EXPIRED))
            return
        exchange.authorizer = {"claims": {name: _shown(name, value) for name, value in claims.items()}}
        then(None)


def _before(claims: jwt.Claims) -> float:
    """The last moment at which a token counts: a signature is checked also of one that has expired since."""
    end = claims.get("exp")
    return end - 1 if isinstance(end, int | float) else 0.0


def issuer_of(provider: str) -> str:
    """Of a user pool's ARN; empty for what is none."""
    parsed = arn.parse(provider)
    kind, _, pool = parsed.resource.partition("/") if parsed else ("", "", "")
    if parsed is None or parsed.service != "cognito-idp" or kind != "userpool" or not pool:
        return ""
    return f"https://cognito-idp.{parsed.region}.amazonaws.com/{pool}"


def _shown(name: str, value: Any) -> str:
    if name in _MOMENTS and isinstance(value, int | float):
        return time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime(value))
    if isinstance(value, list):
        return ",".join(map(str, value))
    return jwt.spoken(value)
