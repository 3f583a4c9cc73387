"""From a request to an answer: the ladder.

Owns: the order of the steps, the tasks of ordinary operations, and the one place where an error becomes a response.

    _guard    runs each of the following; AwsError -> the service's error, anything else -> 500 and one traceback
    _enter    sites of services first, which anyone may visit; then foreign web pages out, internal doors first, and at
              last which operation of which service: for what looks like a request before, it is that one's at once
    _begin    its service is there, and of the body what the operation waits for
    _start    who calls, parameters from bytes; starts it
    _finish   the result to bytes

Rules: an operation that the model knows and the service doesn't have answers 501, never a fake success. A direct
operation costs no task, no future, no timer. What needs a service that isn't built yet (`Services`) waits for that.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec

from samovar.core import ids
from samovar.core.context import Context, DirectOperation, Params
from samovar.core.context import Operation as Ordinary
from samovar.core.errors import AwsError
from samovar.core.service import fold
from samovar.core.services import Services
from samovar.gateway import identity, origin
from samovar.gateway.admission import OTHER
from samovar.gateway.authority import NOBODY, Authority
from samovar.gateway.doors import Aside, Doors, Site, answer, may_be_aside
from samovar.gateway.identity import Identity
from samovar.gateway.payload import Payload, is_chunked
from samovar.net.body import BodyStream, CutShort
from samovar.net.message import Incoming, Reply, Request, Response
from samovar.wire import sigv4
from samovar.wire.buckets import hoisted
from samovar.wire.chunked import unsigned
from samovar.wire.compile import Answer, Operation
from samovar.wire.errors import answer_unresolved
from samovar.wire.model import Models
from samovar.wire.route import Match, Router

Identify = Callable[[sigv4.Scope | None, Mapping[str, str], str], Identity]
"""(scope, headers in lower case, raw query) -> whom the credentials name."""

_T = TypeVar("_T")
_FOREIGN = {"message": "Requests from web pages of other sites are refused."}

_log = logging.getLogger(__name__)


class _Call(msgspec.Struct, eq=False):
    """One request on its way to an answer."""

    request: Request
    reply: Reply
    request_id: str
    operation: Operation | None = None


class Gateway:
    """The handler of the public door and of the platform's listeners inside environments. Also the `Caller`."""

    def __init__(
        self,
        models: Models,
        services: Services,
        *,
        doors: Doors,
        region: str,
        authority: Authority | None = None,
    ) -> None:
        self._services = services
        self._models = models
        self._router = Router(models, self._services)
        self._doors = doors
        self._authority = authority
        self._enforcer = authority if authority is not None and authority.enforces else None
        self._identify: Identify = authority.identify if authority is not None else _assume
        self._region = region
        self._table: dict[Operation, tuple[Ordinary | None, DirectOperation | None]] = {}
        self._tasks: set[asyncio.Future[Any]] = set()

    def handle(self, request: Request, reply: Reply) -> None:
        """Answer one request, now or later; never raises. The `net.Handler` of the platform."""
        call = _Call(request, reply, ids.uuid4())
        self._guard(call, self._enter, call)

    async def call(self, ctx: Context, service: str, operation: str, params: Params) -> Params:
        """Run an operation as the gateway would, without the bytes (`ctx.call`)."""
        if service not in self._services:
            raise AwsError("NotImplementedException", f"The service {service} is not on this server yet.")
        if self._services.here(service) is None:
            await self._services.open(service)
        model = self._models[service]
        if operation not in model.operation_names:
            raise _missing(service, operation)
        compiled = model.operation(operation)
        ordinary, direct = self._handlers(compiled)
        compiled.validate(params)
        if self._enforcer is not None:
            ctx = self._enforcer.admit(ctx, service, operation, params)
        if ordinary is not None:
            return await ordinary(ctx, params)
        assert direct is not None
        answered: asyncio.Future[Params] = asyncio.get_running_loop().create_future()
        direct(ctx, params, partial(_settle, answered))
        return await answered

    async def forward(self, ctx: Context, host: str, request: Request) -> Response:
        """The answer to a request in a service's own protocol that needs no signature: what integrations of APIs send.

        `host`: the service as host names spell it. AwsError where it isn't here, or has no such operation.
        """
        if not self._router.serves(host):
            raise AwsError("NotImplementedException", f"The service {host} is not on this server yet.")
        match = self._recall(request) or self._resolve(request)
        operation = match.operation
        in_json = operation.has_json and request.headers.get("accept", "").startswith("application/json")
        try:
            params = operation.parse(match.labels, request.query, request.headers, request.body)
            result = await self.call(ctx, match.service, operation.name, params)
            write = operation.serialize_json if in_json else operation.serialize
            return _response(write(result, ctx.request_id))
        except AwsError as error:
            write_error = operation.serialize_json_error if in_json else operation.serialize_error
            return _response(write_error(error, ctx.request_id))

    async def close(self) -> None:
        """Cancel what still runs. Comes after the server's drain, when nobody waits for it any more."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    # --- the ladder

    def _guard(self, call: _Call, step: Callable[..., None], *args: Any) -> None:
        """Run one step; what it raises becomes the answer."""
        try:
            try:
                step(*args)
            except AwsError as error:
                self._refuse(call, error)
            except asyncio.CancelledError:
                self._refuse(call, AwsError("ServiceUnavailableException", "The server is shutting down."))
        except Exception:  # noqa: BLE001 - the root of every call: a bug is logged here and answered
            request = call.request
            _log.exception("%s %s failed, request id %s", request.method, request.path, call.request_id)
            self._refuse(call, AwsError(*_internal(call)))

    def _enter(self, call: _Call) -> None:
        request = call.request
        site = self._doors.site(request.headers, request.path)
        if site is not None:
            if site.private and origin.is_foreign(request.headers):
                call.reply(answer(403, _FOREIGN))
            else:
                self._when_built(call, site.services, lambda: self._visit(call, site))
            return
        if "origin" not in request.headers:
            match = self._recall(request)
            if match is not None:  # its like has been past all that follows
                self._begin(call, match)
                return
        if may_be_aside(request):
            awaited = self._doors.awaited(request)
            if awaited:
                self._when_built(call, awaited, lambda: self._enter(call))
                return
            aside = self._doors.aside(request)
            if aside is not None:
                self._step_aside(call, aside)
                return
        if "origin" in request.headers:
            shared = self._doors.shared(request)
            if shared is not None:
                call.reply = partial(_reply_with, call.reply, shared)
            elif origin.is_foreign(request.headers):
                call.reply(answer(403, _FOREIGN))
                return
        opened = self._doors.open(request)
        if opened is None:
            self._begin(call, self._resolve(request))
        elif isinstance(opened, Response):
            call.reply(opened)
        else:
            self._spawn(call, opened, call.reply)

    def _visit(self, call: _Call, site: Site) -> None:
        ctx = self._visitor(call)
        if site.streams or call.request.incoming is None:
            self._serve(call, site, ctx)
        else:
            self._whole(call, lambda: self._serve(call, site, ctx))

    def _serve(self, call: _Call, site: Site, ctx: Context) -> None:
        coming = site.serve(call.request, ctx, call.reply)
        if coming is not None:
            self._spawn(call, coming, call.reply)

    def _step_aside(self, call: _Call, aside: Aside) -> None:
        request = call.request
        call.operation = self._models[aside.service].operation(aside.operation)
        ctx = self._visitor(call)
        stream = self._payload(request, request.incoming) if request.incoming is not None else _once(request.body)
        self._spawn(call, aside.answer(request, ctx, aiter(stream)), call.reply)

    def _begin(self, call: _Call, match: Match) -> None:
        call.operation = match.operation
        if match.operation not in self._table and self._services.here(match.service) is None:
            self._when_built(call, (match.service,), lambda: self._take(call, match))
        elif call.request.incoming is None:
            self._start(call, match)
        else:
            self._take(call, match)

    def _take(self, call: _Call, match: Match) -> None:
        """Start it with its body, or while that still comes."""
        if match.operation.streams_in:
            self._start(call, match)
        else:
            self._whole(call, lambda: self._start(call, match))

    def _when_built(self, call: _Call, services: Sequence[str], step: Callable[[], None]) -> None:
        """Go on with `step` when these services are there."""
        missing = self._services.missing(services)
        if missing:
            self._spawn(call, self._services.open_all(missing), lambda _: step())
        else:
            step()

    def _whole(self, call: _Call, step: Callable[[], None]) -> None:
        """Go on with `step` when the body is there."""
        request = call.request
        if request.incoming is None:
            step()
            return

        def arrived(body: bytes) -> None:
            request.incoming, request.body = None, body
            step()

        self._spawn(call, _collect(BodyStream(request.incoming)), arrived)

    def _start(self, call: _Call, match: Match) -> None:
        request, operation, enforcer = call.request, match.operation, self._enforcer
        if enforcer is None:
            who = self._identify(match.scope, request.headers, request.query)
        else:
            signing_name = self._models[match.service].names.signing_name
            who = enforcer.authenticate(request, match.service, signing_name, operation.name)
        ctx = self._context(call, match.scope, who, match.base)
        ordinary, direct = self._table.get(operation) or self._handlers(operation)
        headers = hoisted(request.query, request.headers) if match.service == "s3" else request.headers
        body = request.body if request.incoming is None else self._payload(request, request.incoming)
        params = operation.parse(match.labels, request.query, headers, body)
        if enforcer is not None:
            ctx = enforcer.admit(ctx, match.service, operation.name, params, request)
        if direct is not None:
            direct(ctx, params, partial(self._guard, call, self._finish, call))
        elif ordinary is not None:
            self._spawn(call, ordinary(ctx, params), partial(self._finish, call))

    def _finish(self, call: _Call, result: Params | BaseException) -> None:
        if isinstance(result, BaseException):
            raise result
        assert call.operation is not None
        written = call.operation.serialize(result, call.request_id)
        call.reply(Response(written.status, written.headers, written.body))

    def _refuse(self, call: _Call, error: AwsError) -> None:
        request = call.request
        if call.operation is not None:
            written = call.operation.serialize_error(error, call.request_id)
        else:
            written = answer_unresolved(error, call.request_id, request.headers, request.query, request.body)
        call.reply(_response(written))

    # --- pieces

    def _recall(self, request: Request) -> Match | None:
        return self._router.recall(request.method, request.path, request.query, request.headers)

    def _resolve(self, request: Request) -> Match:
        return self._router.resolve(request.method, request.path, request.query, request.headers, request.body)

    def _payload(self, request: Request, incoming: Incoming) -> Payload:
        chunks = None
        if is_chunked(request.headers):
            chunks = self._authority.chunks(request) if self._authority else unsigned(request.headers)
        return Payload(BodyStream(incoming), request.headers, chunks)

    def _visitor(self, call: _Call) -> Context:
        """Of whoever needs no signature; where signatures count, it tells nobody's name."""
        request = call.request
        scope = sigv4.scope(request.headers, request.query)
        enforced = self._enforcer is not None
        return self._context(call, scope, NOBODY if enforced else self._identify(scope, request.headers, request.query))

    def _context(self, call: _Call, scope: sigv4.Scope | None, who: Identity, base: str = "") -> Context:
        request = call.request
        scheme, host = "https" if request.tls else "http", request.headers.get("host", "localhost")
        return Context(
            who.account,
            identity.region_of(scope, self._region),
            call.request_id,
            who.principal,
            f"{scheme}://{host}{base}",
            self,
            request.headers.get("x-amzn-trace-id", ""),
            session=who.session,
        )

    def _handlers(self, operation: Operation) -> tuple[Ordinary | None, DirectOperation | None]:
        """(ordinary, direct), one of them; AwsError when its service, which is here, doesn't have the operation yet."""
        found = self._table.get(operation)
        if found is None:
            here = self._services.here(operation.service)
            assert here is not None
            name = fold(operation.name)
            found = (here.operations.get(name), here.direct.get(name))
            if found == (None, None):
                raise _missing(operation.service, operation.name)
            self._table[operation] = found
        return found

    def _spawn(self, call: _Call, work: Awaitable[_T], then: Callable[[_T], None]) -> None:
        """Run `work` as a task of the gateway's; its result goes to `then`, its error becomes the answer."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(partial(self._done, call, then))

    def _done(self, call: _Call, then: Callable[[_T], None], task: asyncio.Future[_T]) -> None:
        self._tasks.discard(task)
        self._guard(call, lambda: then(task.result()))


def _missing(service: str, operation: str) -> AwsError:
    return AwsError("NotImplementedException", f"{service}.{operation} is not implemented by this server yet.")


def _assume(scope: sigv4.Scope | None, headers: Mapping[str, str], query: str) -> Identity:
    return identity.assumed(scope)


def _reply_with(reply: Reply, headers: list[tuple[str, str]], response: Response) -> None:
    reply(Response(response.status, [*response.headers, *headers], response.body))


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


async def _collect(stream: BodyStream) -> bytes:
    """The whole body of a request that might have been an object's, but isn't."""
    try:
        body = await stream.read(OTHER)
    except CutShort:
        raise AwsError("IncompleteBody", "The request body terminated unexpectedly") from None
    if body is None:
        raise AwsError("RequestEntityTooLargeException", f"Request must be smaller than {OTHER} bytes")
    return body


def _response(written: Answer) -> Response:
    return Response(written.status, written.headers, written.body)


def _internal(call: _Call) -> tuple[str, str]:
    """What AWS calls a fault of its own (facts/lambda-api.md, s3.md): most services answer InternalFailure."""
    service = "" if call.operation is None else call.operation.service
    code = {"lambda": "ServiceException", "s3": "InternalError"}.get(service, "InternalFailure")
    return code, f"The server failed; its log has the traceback under request id {call.request_id}."


def _settle(future: asyncio.Future[Params], result: Params | BaseException) -> None:
    """Put a direct operation's reply into a future, unless nobody waits any more."""
    if future.done():
        return
    if isinstance(result, BaseException):
        future.set_exception(result)
    else:
        future.set_result(result)
