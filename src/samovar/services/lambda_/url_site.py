"""The door of function URLs: from a web request to an invocation, and back.

Owns: which URL a request means, and who may enter.

1. `AuthType NONE` lets in whom the resource policy lets in: everybody, by a statement for `*`. `AWS_IAM` asks for a
   signature, and where permissions count, for two of them: to call the URL, and the function through it.
2. No task and no await: like Invoke, a visit goes to the engine at once and is answered by its callback.
"""

import re

import msgspec

from samovar.core.clock import Clock
from samovar.core.context import Context
from samovar.core.errors import AwsError
from samovar.core.expressions import expression
from samovar.engine.model import Invocation
from samovar.net.message import Reply, Request
from samovar.services.lambda_ import url_answer, url_event
from samovar.services.lambda_.names import LATEST
from samovar.services.lambda_.permissions import Permissions
from samovar.services.lambda_.policies import Policy, admits
from samovar.services.lambda_.ports import Authority
from samovar.services.lambda_.qualified import QualifiedKey
from samovar.services.lambda_.url_event import Visit
from samovar.services.lambda_.url_stream import StreamedPage
from samovar.services.lambda_.urls import LABEL, PATH, Url, Urls
from samovar.web.signers import Signer, signer
from samovar.web.trace import trace_of

EVENT_LIMIT = 6 * 1024 * 1024
"""Bytes of the event, as of every invocation."""
ACTION = "lambda:InvokeFunctionUrl"
ACTIONS = (ACTION, "lambda:InvokeFunction")
"""What a signed visit takes."""

_REMEMBERED = 1000
"""URLs of which it is known whether they are open."""
_HOST = expression(rf"(?P<domain>(?P<id>[a-z0-9]+){re.escape(LABEL)}(?P<region>[a-z0-9-]+)\.[^:]+)(?::\d+)?")

_CLOSED = {
    "NONE": "The function's policy doesn't let everybody in: AddPermission for lambda:InvokeFunctionUrl, principal *, "
    "FunctionUrlAuthType NONE.",
    "AWS_IAM": "This URL is for requests that are signed, for the service lambda, and allowed.",
}


class UrlSite:
    def __init__(
        self, urls: Urls, permissions: Permissions, clock: Clock, authority: Authority | None = None
    ) -> None:
        self._urls = urls
        self._permissions = permissions
        self._clock = clock
        self._authority = authority
        self._known: dict[QualifiedKey, tuple[Url, Policy | None, bool]] = {}
        """What was worked out of URLs and policies."""

    @staticmethod
    def claims(host: str, path: str) -> bool:
        """Whether a request is for a URL; `host` as sent, in lower case."""
        return LABEL in host or path.startswith(PATH)

    def is_url(self, host: str) -> bool:
        """Whether a host name, without a port, is that of a URL that there is."""
        named = _HOST.fullmatch(host)
        url = self._urls.find(named["id"]) if named is not None else None
        return url is not None and named is not None and url.key[1] == named["region"]

    def serve(self, request: Request, ctx: Context, reply: Reply) -> None:
        """Answer a request to a URL, now or when its function has run."""
        visit = self._visit(request)
        if visit is None:
            reply(url_answer.forbidden(ctx.request_id, "There is no function URL of this name."))
            return
        cors = visit.url.cors
        if cors and url_answer.is_preflight(request):
            reply(url_answer.preflight(cors, request, ctx.request_id))
            return
        entered = self._entered(visit, request, ctx)
        if entered is None:
            reply(url_answer.forbidden(ctx.request_id, _CLOSED[visit.url.auth_type]))
        else:
            self._invoke(entered, request, ctx, reply)

    def _visit(self, request: Request) -> Visit | None:
        host = _HOST.fullmatch(request.headers.get("host", "").lower())
        if host:
            id, domain, path = host["id"], host["domain"], request.path
        else:
            id, _, rest = request.path.removeprefix(PATH).partition("/")
            domain, path = "", f"/{rest}"
        url = self._urls.find(id)
        if url is None or (host and host["region"] != url.key[1]):
            return None
        return Visit(url, domain or f"{id}{LABEL}{url.key[1]}.localhost", path or "/")

    def _entered(self, visit: Visit, request: Request, ctx: Context) -> Visit | None:
        """The visit with whoever signed it; None where nobody is let in."""
        url = visit.url
        if url.auth_type == "AWS_IAM":
            who = self._signer(url, request, ctx)
            return msgspec.structs.replace(visit, signer=who) if who else None
        return visit if self._is_open(url) else None

    def _is_open(self, url: Url) -> bool:
        """Whether the function's policy lets in everybody; worked out once for the records that it follows from."""
        policy = self._permissions.table.get(url.key)
        known = self._known.get(url.key)
        if known is not None and known[0] is url and known[1] is policy:
            return known[2]
        is_open = admits(policy, ACTION, url.function_arn, {"lambda:FunctionUrlAuthType": url.auth_type})
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[url.key] = (url, policy, is_open)
        return is_open

    def _signer(self, url: Url, request: Request, ctx: Context) -> Signer | None:
        if self._authority is None:
            return None
        policy = self._permissions.table.get(url.key)
        given = {"lambda:FunctionUrlAuthType": url.auth_type, "lambda:InvokedViaFunctionUrl": "true"}
        admitting = policy.document if policy else None
        try:
            return signer(self._authority, ctx, request, ACTIONS, url.function_arn, admitting, given)
        except AwsError:
            return None

    def _invoke(self, visit: Visit, request: Request, ctx: Context, reply: Reply) -> None:
        url, now = visit.url, self._clock.now()
        trace = trace_of(request.headers.get("x-amzn-trace-id", ""), now)
        event = url_event.written(visit, request, ctx, trace, now)
        if len(event) > EVENT_LIMIT:
            reply(url_answer.too_large(EVENT_LIMIT, ctx.request_id))
            return
        invocation = Invocation(ctx.request_id, url.function_arn, event, trace_id=trace)
        functions = self._urls.functions
        try:
            version = functions.in_force(url.key[:3], url.key[3] or LATEST)
            if version is None:
                reply(url_answer.forbidden(ctx.request_id, "What this URL runs isn't there any more."))
                return
            if url.invoke_mode == "RESPONSE_STREAM":
                page = StreamedPage(request, url.cors, ctx.request_id, reply, functions.engine.pace())
                functions.engine.start(version, invocation, page.done, page)
                return
            functions.engine.start(
                version,
                invocation,
                lambda result: reply(url_answer.answer(result, url.cors, request, ctx.request_id)),
            )
        except AwsError as error:  # a URL has its own forms for what Invoke refuses
            reply(url_answer.refused(error, ctx.request_id))
