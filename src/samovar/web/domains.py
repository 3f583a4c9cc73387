"""Custom domain names and what of them leads to which API: one resource, seen by both versions of API Gateway.

Owns: the tables `web.domains`, `web.mappings` and `web.routing_rules`, and the way from a host name and a path to an
API's stage (facts/apigateway.md §8). Refuses: how each version shows them.

Rules: a name is there once in the whole server, whoever's it is. Routing rules go by their priority; of the mappings
that fit, the one with the longest path. How a domain is reached is the client's matter: by its Host header. Where
clients must show certificates, nobody comes in who hasn't shown one to this very domain: not by plain HTTP, nor by a
connection that was made to another name. A private domain lets in who comes from inside, as far as its policy does.
"""

import re
from collections.abc import Iterator
from collections.abc import Mapping as Map
from typing import Any

import msgspec

from samovar.core.clock import Clock
from samovar.core.context import Context
from samovar.net.message import Request
from samovar.store.sqlite import Store
from samovar.store.table import Table
from samovar.web.front import Closed, Guest, Mapping
from samovar.web.mutual_tls import Trust, Untrusted
from samovar.web.private_domains import Private

MAPPINGS_ONLY = "API_MAPPING_ONLY"
RULES_ONLY = "ROUTING_RULE_ONLY"
RULES_FIRST = "ROUTING_RULE_THEN_API_MAPPING"

DomainKey = tuple[str, str, str]
"""(account, region, name)."""


class Domain(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    """In lower case; may begin with `*.`."""
    configurations: list[dict[str, Any]]
    """`DomainNameConfigurations`, under the names of version 2."""
    mutual_tls: dict[str, Any] | None = None
    """`MutualTlsAuthentication`, under the names of version 2."""
    truststore: str = ""
    """What was read from there: certificates in PEM."""
    routing_mode: str = MAPPINGS_ONLY
    tags: dict[str, str] = {}
    created_at: float = 0.0
    id: str = ""
    """Of a private domain."""
    policy: str = ""
    """Who may call, where it is private."""
    management_policy: str = ""

    def arn(self, key: tuple[str, ...]) -> str:
        account = f"{key[0]}:/domainnames/{self.name}+{self.id}" if self.id else f":/domainnames/{self.name}"
        return f"arn:aws:apigateway:{key[1]}:{account}"


class Association(msgspec.Struct, frozen=True, kw_only=True):
    """Of a private domain with a VPC endpoint."""

    arn: str
    domain: str
    """The domain's ARN."""
    source: str
    created_at: float
    tags: dict[str, str] = {}


class ApiMapping(msgspec.Struct, frozen=True):
    id: str
    api: str
    stage: str
    path: str
    """Without slashes at its ends; empty for what no other mapping takes."""


class Rule(msgspec.Struct, frozen=True):
    id: str
    priority: int
    conditions: list[dict[str, Any]]
    actions: list[dict[str, Any]]


class Domains:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        domains: Table[Domain],
        mappings: Table[ApiMapping],
        rules: Table[Rule],
        associations: Table[Association],
    ) -> None:
        self._store = store
        self._clock = clock
        self.domains = domains
        """By DomainKey."""
        self.mappings = mappings
        """By DomainKey and their id."""
        self.rules = rules
        """By DomainKey and their id."""
        self.associations = associations
        """By DomainKey and their source."""
        self._ways: dict[str, _Ways] = {}
        self._trusts: dict[tuple[str, str], Trust] = {}
        self._seen = -1
        self._belongings: tuple[Table[Any], ...] = (mappings, rules, associations)

    @classmethod
    async def open(cls, store: Store, clock: Clock) -> "Domains":
        return cls(
            store,
            clock,
            await Table.open(store, "web.domains", Domain),
            await Table.open(store, "web.mappings", ApiMapping),
            await Table.open(store, "web.routing_rules", Rule),
            await Table.open(store, "web.associations", Association),
        )

    def known(self, domain: str) -> bool:
        """Whether a host name is a custom domain's."""
        return bool(self.domains) and self._find(domain) is not None

    def find(self, domain: str, request: Request) -> Mapping | None:
        """Where a request to a custom domain leads; None where nothing fits."""
        ways = self._find(domain)
        return ways.find(request) if ways is not None else None

    def trust(self, domain: str) -> Trust | None:
        """Whose clients a domain lets in; None where they aren't asked for certificates."""
        ways = self._find(domain) if self.domains else None
        return ways.trust if ways is not None else None

    def private(self, ctx: Context) -> Iterator[tuple[DomainKey, Domain]]:
        """Those of an account."""
        found = self.domains.items((ctx.account, ctx.region))
        return (((key[0], key[1], key[2]), each) for key, each in found if each.id)

    def enter(self, domain: str, request: Request) -> Guest | None:
        """None: everybody is let in. Closed for who isn't."""
        ways = self._find(domain)
        if ways is None:
            return None
        if ways.private is not None:
            endpoint = ways.private.endpoint(request)
            if endpoint is None:
                raise Closed(f"{domain} is private: it needs a caller inside, an access association and a policy.")
            return Guest(endpoint=endpoint)
        return Guest(certificate=self._shown(domain, ways.trust, request)) if ways.trust is not None else None

    def _shown(self, domain: str, trust: Trust, request: Request) -> Map[str, Any]:
        """What is told of a client's certificate; Closed unless it counts.

        The time is the machine's, as it is in handshakes."""
        shown = request.client.shown if request.client is not None else None
        if shown is None or shown.domain != trust.domain:
            raise Closed(f"Clients of {domain} must show a certificate: by https, to this name.")
        try:
            return trust.judge(shown.content, self._clock.machine()).shown
        except Untrusted as refused:
            raise Closed(f"Access denied. Reason: {refused}") from None

    def taken(self, name: str) -> bool:
        """Whether somebody has a domain of this name."""
        return any(domain.name == name for _, domain in self.domains.items())

    def mapped(self, api: str, stage: str = "") -> bool:
        """Whether a domain leads to an API, or to a stage of it."""
        return any(each.api == api and stage in ("", each.stage) for _, each in self.mappings.items())

    async def remove(self, key: DomainKey) -> None:
        """A domain, with everything that belongs to it."""
        gone = [table.deleting(found) for table in self._belongings for found, _ in table.items(key)]
        await self._store.transact(self.domains.deleting(key), *gone)

    async def clear(self) -> None:
        for table in (self.domains, *self._belongings):
            await table.clear()

    def _find(self, domain: str) -> "_Ways | None":
        changes = self.domains.changes + self.mappings.changes + self.rules.changes + self.associations.changes
        if changes != self._seen:
            self._seen = changes
            self._ways = {found.name: self._compiled(key, found) for key, found in self.domains.items()}
            self._trusts = {(each.domain, each.text): each for way in self._ways.values() if (each := way.trust)}
        return self._ways.get(domain) or self._ways.get(f"*.{domain.partition('.')[2]}")

    def _compiled(self, key: tuple[str, ...], domain: Domain) -> "_Ways":
        rules = [rule for _, rule in self.rules.items(key)] if domain.routing_mode != MAPPINGS_ONLY else []
        mappings = [mapping for _, mapping in self.mappings.items(key)] if domain.routing_mode != RULES_ONLY else []
        trust = None
        if domain.truststore:
            trust = self._trusts.get((domain.name, domain.truststore)) or Trust(domain.name, domain.truststore)
        private = None
        if domain.id:
            endpoints = [each for _, each in self.associations.items(key)]
            sources = [each.source for each in sorted(endpoints, key=lambda each: each.created_at)]
            resource = domain.arn(key).replace(":apigateway:", ":execute-api:")
            private = Private(resource, domain.policy, sources)
        return _Ways(rules, mappings, trust, private)


class _Ways:
    """Where one domain leads."""

    def __init__(
        self, rules: list[Rule], mappings: list[ApiMapping], trust: Trust | None, private: Private | None
    ) -> None:
        self.trust = trust
        self.private = private
        self._rules = [_Compiled(rule) for rule in sorted(rules, key=lambda rule: rule.priority)]
        longest_first = sorted(mappings, key=lambda mapping: -len(mapping.path))
        self._mappings = [Mapping(each.api, each.stage, _base(each.path)) for each in longest_first]

    def find(self, request: Request) -> Mapping | None:
        for rule in self._rules:
            found = rule.find(request)
            if found is not None:
                return found
        return next((each for each in self._mappings if _is_below(request.path, each.base_path)), None)


class _Compiled:
    """A routing rule, ready to be asked."""

    def __init__(self, rule: Rule) -> None:
        self._paths: list[list[str]] = []
        self._headers: list[list[tuple[str, re.Pattern[str]]]] = []
        for condition in rule.conditions:
            if "MatchBasePaths" in condition:
                self._paths.append([_base(each) for each in condition["MatchBasePaths"]["AnyOf"]])
            if "MatchHeaders" in condition:
                given = condition["MatchHeaders"]["AnyOf"]
                self._headers.append([(each["Header"].lower(), _glob(each["ValueGlob"])) for each in given])
        self._id = rule.id
        [action] = rule.actions
        invoked: Map[str, Any] = action["InvokeApi"]
        self._api, self._stage = str(invoked["ApiId"]), str(invoked["Stage"])
        self._strips = bool(invoked.get("StripBasePath"))

    def find(self, request: Request) -> Mapping | None:
        base = ""
        for paths in self._paths:
            fitting = [path for path in paths if _is_below(request.path, path)]
            if not fitting:
                return None
            base = max(fitting, key=len)
        for headers in self._headers:
            if not any(glob.fullmatch(request.headers.get(name, "")) for name, glob in headers):
                return None
        return Mapping(self._api, self._stage, base if self._strips else "", self._id)


def _base(path: str) -> str:
    path = path.strip("/")
    return f"/{path}" if path else ""


def _is_below(path: str, base: str) -> bool:
    return path == base or path.startswith(f"{base}/")


def _glob(text: str) -> re.Pattern[str]:
    return re.compile("".join(".*" if char == "*" else re.escape(char) for char in text), re.DOTALL)
