"""One request on its way through an API, and what it goes by: the plan of a deployment, one of its methods.

Owns: what is known of the request, `requestContext`, and looking a Source up. Most of it is worked out only when it is
asked for: most requests never ask for most of it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast
from urllib.parse import unquote

import msgspec

from samovar.core.context import Context
from samovar.core.ids import short_id
from samovar.net.message import Reply, Request, Response
from samovar.policy.rules import Rules
from samovar.services.apigateway.expressions import Source
from samovar.services.apigateway.plane.content import Media
from samovar.services.apigateway.plane.refusals import Refusal, Responses
from samovar.services.apigateway.plane.routes import Routes
from samovar.services.apigateway.plane.validation import Validation
from samovar.services.apigateway.state import Api, Shape
from samovar.web import event_v1
from samovar.web.front import Mapping as Mapping_
from samovar.web.front import domain_name
from samovar.web.lambda_authorizer import Grant
from samovar.web.metering import Place
from samovar.web.stamp import clf_time
from samovar.wire import text

LOOPBACK = "127.0.0.1"
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
"""Those of API Gateway: what `ANY` stands for, and what a header may override (facts/apigateway.md §3)."""

Done = Callable[[Response | Refusal], None]
"""Hears once what an integration came to."""


class Integration(Protocol):
    traced: bool
    """Whether its answers say the trace id."""
    of_function: bool
    """Whether a function answers."""
    streams: bool
    """Whether answers go on as they come."""

    def start(self, exchange: "Exchange", done: Done) -> None:
        """Raises Refusal at once, or tells `done`."""
        ...


class Authorizer(Protocol):
    """Says who calls."""

    def ask(self, exchange: "Exchange", then: Callable[[Refusal | None], None]) -> None:
        """Raises Refusal at once, or tells `then`; what is known of the caller is in the exchange."""
        ...


class Method(msgspec.Struct, frozen=True):
    """One method of one resource, ready to run."""

    resource_id: str
    resource: str
    name: str
    """`GET`, or `ANY`."""
    operation: str
    authorization: str
    authorizer: Authorizer | None
    scopes: tuple[str, ...]
    api_key_required: bool
    validation: Validation
    integration: Integration
    cache_keys: tuple[str, ...]
    cache_namespace: str


class Plan(msgspec.Struct, frozen=True):
    """A deployment, ready to run."""

    settings: Shape
    routes: Routes[Mapping[str, Method]]
    """Path -> its methods."""
    responses: Responses
    media: Media
    policy: Rules | None
    """The API's resource policy."""

    @property
    def is_private(self) -> bool:
        return bool(self.settings["endpointConfiguration"]["types"] == ["PRIVATE"])

    @property
    def needs_policy(self) -> bool:
        """Whether only the resource policy lets anybody in."""
        return self.policy is not None or self.is_private


class Staged(msgspec.Struct, frozen=True):
    """The stage as it is for one request."""

    name: str
    deployment: str
    plan: Plan
    variables: Mapping[str, str]
    canary: bool | None = None
    """Whether this request went to it; None where there is none."""
    certificate: str = ""
    """The id of the client certificate that its backends are shown."""
    place: Place | None = None
    """Of its metrics, and the API's."""


def _nobody(response: Response) -> None:
    """Is told of answers that nobody asked for."""


class Exchange(msgspec.Struct, eq=False):
    """Made once per request, so it is on the hot path."""

    request: Request
    ctx: Context
    reply: Reply
    api: Api
    staged: Staged
    now: float
    domain: str
    """Empty: the API's own."""
    full_path: str
    """As sent, with the stage or the base path."""
    started: float
    """By the monotonic clock."""
    path: str = ""
    """As functions get it: without the stage, with a custom domain's base path."""
    routed: str = ""
    """As it was routed: without either."""
    time: str = ""
    """`now` in words, if they are there already."""
    trace: str = ""
    answered: Callable[[Response], None] = _nobody
    """Told of the answer when it has gone."""
    mapping: Mapping_ | None = None
    """Set on a custom domain."""
    plan: Plan = cast("Plan", None)
    """The stage's."""
    variables: Mapping[str, str] = {}
    """The stage's."""
    http_method: str = ""
    resource: str = ""
    resource_id: str = ""
    method: Method | None = None
    settled: Method = cast("Method", None)
    """The same, once the request is routed."""
    settings: Shape | None = None
    """The stage's for this method, where there are some."""
    parameters: dict[str, str] = {}
    """Of the path, as sent."""
    response_override: dict[str, Any] = {}
    """What templates have set of `$context.responseOverride`."""
    authorizer: dict[str, Any] | None = None
    """What an authorizer said of the caller."""
    caller: dict[str, Any] = {}
    """Members of `identity` beside the address and the agent."""
    grant: Grant | None = None
    """What a Lambda authorizer lets the caller do."""
    usage_key: str = ""
    """The API key that an authorizer names for the caller."""
    body: bytes = b""
    """Out of its Content-Encoding, where the API compresses."""
    refusal: Refusal | None = None
    extended_id: str = ""
    ended: float = 0.0
    integration_ms: int | None = None
    """How long the integration took, once it has answered."""
    integration_status: int | None = None
    backend_status: int | None = None
    """What a server or a service has answered, before any mapping."""
    from_cache: bool | None = None
    """None where nothing is cached."""
    shows: bool = True
    """Whether the execution log shows bodies."""
    log: list[str] | None = None
    """Lines of the execution log, where somebody reads them."""
    asked: float = 0.0
    """When its integration was, as far as the log knows."""
    _lines: list[tuple[str, str]] | None = None
    _query: list[tuple[str, str]] | None = None

    def __post_init__(self) -> None:
        staged, request = self.staged, self.request
        self.plan, self.variables = staged.plan, staged.variables
        if not self.domain:
            self.domain = domain_name(self.api.id, self.api.region)
        override = request.headers.get("x-http-method-override", "").upper()
        self.http_method = override if override in METHODS else request.method
        self.body = request.body
        self.asked = self.started
        self.extended_id = short_id()

    def take(self, method: Method, settings: Shape | None = None) -> None:
        """It is routed; `settings`: the stage's for the method."""
        self.method = self.settled = method
        self.settings = settings
        self.resource, self.resource_id = method.resource, method.resource_id

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The headers, line by line."""
        if self._lines is None:
            self._lines = self.request.lines()
        return self._lines

    def forwarded(self) -> list[tuple[str, str]]:
        """The headers as an integration gets them."""
        way = (self.trace, self.peer, self.port, self.scheme)
        return event_v1.forwarded(self.lines, self.request.headers, *way)

    @property
    def query(self) -> list[tuple[str, str]]:
        """Decoded."""
        if self._query is None:
            self._query = text.pairs(self.request.query) if self.request.query else []
        return self._query

    @property
    def scheme(self) -> str:
        return "https" if self.request.tls else "http"

    @property
    def port(self) -> str:
        """The one that the client spoke to, as its Host says."""
        _, _, port = self.request.headers.get("host", "").rpartition(":")
        return port if port.isdecimal() else "443" if self.request.tls else "80"

    @property
    def peer(self) -> str:
        return self.request.peer or LOOPBACK

    @property
    def content_type(self) -> str:
        return self.request.headers.get("content-type", "")

    @property
    def body_is_binary(self) -> bool:
        return self.plan.media.is_binary(self.content_type)

    @property
    def is_trial(self) -> bool:
        """Whether nobody has called: the API is only tried out (`Bench`)."""
        return not self.staged.deployment

    @property
    def is_signed(self) -> bool:
        return self.request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256")

    @property
    def execution_arn(self) -> str:
        """What a caller does: `arn:aws:execute-api:R:A:API/STAGE/GET/pets/1`."""
        return f"{self._arn_head}/{self.http_method}/{self.routed.strip('/')}"

    @property
    def source_arn(self) -> str:
        """For what an integration is called."""
        return f"{self._arn_head}/{self.http_method}{self.resource}"

    @property
    def _arn_head(self) -> str:
        api = self.api
        return f"arn:aws:execute-api:{api.region}:{api.account}:{api.id}/{self.staged.name}"

    def acting(self, principal: str, source_arn: str) -> Context:
        """The context in which the API calls somebody."""
        return Context(
            self.api.account,
            self.api.region,
            self.ctx.request_id,
            principal,
            self.ctx.endpoint,
            self.ctx.caller,
            self.trace,
            source_arn,
        )

    def say(self, line: str) -> None:
        """A line of the execution log."""
        if self.log is not None:
            self.log.append(line)

    def show(self, what: str, content: bytes) -> None:
        """A line of the execution log about a body."""
        if self.log is not None and self.shows:
            self.log.append(f"{what}: {content.decode(errors='replace')}")

    # --- $context

    def identity(self) -> dict[str, Any]:
        names = (
            "cognitoIdentityPoolId", "accountId", "cognitoIdentityId", "caller", "sourceIp", "principalOrgId",
            "accessKey", "cognitoAuthenticationType", "cognitoAuthenticationProvider", "userArn", "userAgent", "user",
        )  # fmt: skip
        found: dict[str, Any] = dict.fromkeys(names)
        found["sourceIp"] = self.peer
        found["userAgent"] = self.request.headers.get("user-agent")
        return found | self.caller

    def context(self) -> dict[str, Any]:
        """`requestContext` of events, and what templates and logs see."""
        found: dict[str, Any] = {
            "resourceId": self.resource_id,
            "resourcePath": self.resource,
            "httpMethod": self.http_method,
            "extendedRequestId": self.extended_id,
            "requestTime": self.time or clf_time(self.now),
            "path": self.full_path,
            "accountId": self.api.account,
            "protocol": "HTTP/1.0" if self.request.http10 else "HTTP/1.1",
            "stage": self.staged.name,
            "domainPrefix": self.domain.partition(".")[0],
            "requestTimeEpoch": int(self.now * 1000),
            "requestId": self.ctx.request_id,
            "identity": self.identity(),
            "domainName": self.domain,
            "apiId": self.api.id,
        }
        if not self.is_trial:
            found["deploymentId"] = self.staged.deployment
        if self.authorizer is not None:
            found["authorizer"] = self.authorizer
        if self.method is not None and self.method.operation:
            found["operationName"] = self.method.operation
        if self.staged.canary is not None:
            found["isCanaryRequest"] = "true" if self.staged.canary else "false"
        if self.refusal is not None:
            found["error"] = _error(self.refusal)
        return found

    # --- sources

    def identity_value(self, source: Source) -> str | None:
        """The same for what identifies a caller: there the case of a header's name doesn't count."""
        if source.kind != "header":
            return self.value(source)
        wanted = source.name.lower()
        return next((value for name, value in reversed(self.lines) if name.lower() == wanted), None)

    def value(self, source: Source) -> str | None:
        """What a source of a request mapping says; None where it isn't there. Bodies are `mapping`'s."""
        kind, name = source.kind, source.name
        if kind == "static":
            return name
        if kind in ("header", "multivalueheader"):
            return _of(self.lines, name, kind == "multivalueheader")
        if kind in ("querystring", "multivaluequerystring"):
            return _of(self.query, name, kind == "multivaluequerystring")
        if kind == "path":
            return unquote(self.parameters[name]) if name in self.parameters else None
        if kind == "stageVariables":
            return self.variables.get(name)
        return text_of(look_up(self.context(), name)) if kind == "context" else None


def _of(pairs: list[tuple[str, str]], name: str, every: bool) -> str | None:
    values = [value for each, value in pairs if each == name]
    if not values:
        return None
    return ",".join(values) if every else values[-1]


def look_up(found: Any, dotted: str) -> Any:
    for name in dotted.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def text_of(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def _error(refusal: Refusal) -> dict[str, Any]:
    return {
        "message": refusal.message,
        "messageString": msgspec.json.encode(refusal.message).decode(),
        "responseType": refusal.kind,
        "validationErrorString": refusal.details,
    }
