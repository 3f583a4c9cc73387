"""Private custom domains: who gets in ("Custom domain names for private APIs" of AWS's guide).

Owns: the rules of one such domain. On AWS callers come through VPC endpoints that are associated with the domain; here
whoever comes from inside a box is taken to come through one of these: the first that the domain's policy lets in. Pure.
"""

from collections.abc import Sequence

from samovar.net.message import Request
from samovar.policy import grammar, rules
from samovar.policy.grammar import Kind
from samovar.policy.principals import Who
from samovar.policy.rules import Rules
from samovar.web.lambda_authorizer import ACTION

_ANYBODY = Who("")


class Private:
    def __init__(self, resource: str, policy: str, endpoints: Sequence[str]) -> None:
        """`resource`: the domain's ARN, as its policy names it; `endpoints`: those that are associated with it."""
        self._resource = resource
        self._endpoints = tuple(endpoints)
        try:
            self._policy = Rules([("policy of the domain", grammar.parse(policy, Kind.RESOURCE))])
        except grammar.Malformed:
            self._policy = Rules([])

    def endpoint(self, request: Request) -> str | None:
        """The one through which a caller comes; None: it isn't let in."""
        if request.source is None:
            return None
        return next((each for each in self._endpoints if self._lets_in(request, each)), None)

    def _lets_in(self, request: Request, endpoint: str) -> bool:
        known = {
            "aws:SourceVpce": endpoint,
            "aws:VpcSourceIp": request.peer,
            "aws:UserAgent": request.headers.get("user-agent", ""),
            "aws:Referer": request.headers.get("referer", ""),
            "aws:SecureTransport": "true" if request.tls else "false",
        }
        facts = rules.facts({key: value for key, value in known.items() if value})
        said = self._policy.say_of(_ANYBODY, rules.Request(ACTION, self._resource, facts))
        return said.allowed is not None and said.denied is None
