"""The ladder, step by step, without sockets: requests in, responses out. The services are fakes over real models."""

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samovar.core.clock import FakeClock
from samovar.core.context import Context, Params, Reply
from samovar.core.errors import AwsError
from samovar.core.service import Service
from samovar.core.services import Build, Services
from samovar.gateway.dispatch import Gateway
from samovar.gateway.doors import Doors, Site
from samovar.net.message import Request, Response
from samovar.wire.model import Models

MODELS = Models()
SIGNED = "AWS4-HMAC-SHA256 Credential=123456789012/20261122/eu-west-1/{}/aws4_request, SignedHeaders=host, Signature=0"


def _claims(host: str, path: str) -> bool:
    return ".site-label." in host or path.startswith("/_samovar/site/")


class Fake:
    """A lambda, an sts and a logs whose operations the test can see into."""

    def __init__(self) -> None:
        self.seen: list[tuple[Context, Params]] = []
        self.replies: list[Reply] = []
        self.resets: list[str] = []
        self.gate = asyncio.Event()
        self.waiting = False

    def services(self) -> list[Service]:
        ordinary = {"getfunction": self.get_function, "listfunctions": self.list_functions}
        return [
            Service("lambda", ordinary, {"invoke": self.invoke}, reset=self.reset_lambda),
            Service("sts", {"getcalleridentity": self.identity}, {}),
            Service("logs", {"createloggroup": self.wait}, {}),
        ]

    def invoke(self, ctx: Context, params: Params, reply: Reply) -> None:
        self.seen.append((ctx, params))
        if params["FunctionName"] == "missing":
            raise AwsError("ResourceNotFoundException", "Function not found", Type="User")
        self.replies.append(reply)

    async def get_function(self, ctx: Context, params: Params) -> Params:
        """Goes through ctx.call to an ordinary and a direct operation."""
        who = await ctx.call("sts", "GetCallerIdentity", {})
        answer = await ctx.call("lambda", "Invoke", {"FunctionName": params["FunctionName"]})
        return {"Configuration": {"FunctionName": who["Account"], "Description": answer["ExecutedVersion"]}}

    async def list_functions(self, ctx: Context, params: Params) -> Params:
        raise RuntimeError("a bug in an operation")

    async def identity(self, ctx: Context, params: Params) -> Params:
        self.seen.append((ctx, params))
        return {"Account": ctx.account, "Arn": ctx.principal, "UserId": ctx.region}

    async def topics(self, ctx: Context, params: Params) -> Params:
        self.seen.append((ctx, params))
        return {}

    async def wait(self, ctx: Context, params: Params) -> Params:
        self.waiting = True
        await self.gate.wait()
        return {}

    async def reset_lambda(self) -> None:
        self.resets.append("lambda")

    def serve(self, request: Request, ctx: Context, reply: Callable[[Response], None]) -> None:
        self.seen.append((ctx, {"path": request.path}))
        if request.path == "/bug":
            raise RuntimeError("a bug in a site")
        reply(Response(200, [], b"a page"))


class Rig:
    def __init__(
        self,
        *,
        allow_reset: bool = False,
        allow_clock: bool = False,
        listen_host: str = "127.0.0.1",
        builds_topics: bool = False,
    ) -> None:
        self.fake = Fake()
        self.clock = FakeClock()
        self.built = asyncio.Event()
        here: dict[str, Service | Build] = {service.name: service for service in self.fake.services()}
        services = Services({**here, "sns": self._build_topics} if builds_topics else here)

        async def reset() -> None:
            self.fake.resets.append("everything else")

        async def download(path: str, query: str) -> bytes | None:
            return b"zip" if (path, query) == ("/_samovar/code/f", "token=good") else None

        doors = Doors(
            services,
            facts=lambda: {"version": "1.2.3", "isolation": "full"},
            reset=reset,
            allow_reset=allow_reset,
            clock=self.clock,
            allow_clock=allow_clock,
            listen_host=listen_host,
            downloads={"/_samovar/code/": download},
            sites=[Site(_claims, self.fake.serve)],
        )
        self.gateway = Gateway(MODELS, services, doors=doors, region="us-east-1")

    async def _build_topics(self) -> Service:
        await self.built.wait()
        return Service("sns", {"listtopics": self.fake.topics}, {})

    def start(self, request: Request) -> "asyncio.Future[Response]":
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.gateway.handle(request, answered.set_result)
        return answered

    async def ask(
        self, method: str, path: str, *, service: str = "", body: bytes = b"", source: object = None, **headers: str
    ) -> Response:
        sent = {"host": "127.0.0.1:4566", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if service:
            sent["authorization"] = SIGNED.format(service)
        path, _, query = path.partition("?")
        return await asyncio.wait_for(self.start(Request(method, path, query, sent, body, source)), 5)


def run(test: Callable[[Rig], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def body() -> None:
        rig = Rig(**options)
        await test(rig)
        await rig.gateway.close()

    asyncio.run(body())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - fakes have no events
        await asyncio.sleep(0)


def content(response: Response) -> Any:
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


def header(response: Response, name: str) -> str | None:
    return dict(response.headers).get(name)


INVOKE = "/2015-03-31/functions/f/invocations"
IDENTITY = b"Action=GetCallerIdentity&Version=2011-06-15"
FORM = "application/x-www-form-urlencoded"


class TestOperations:
    def test_a_direct_operation_is_called_at_once_and_answers_later_without_a_task(self) -> None:
        async def check(rig: Rig) -> None:
            tasks = len(asyncio.all_tasks())
            headers = {"host": "h:1", "authorization": SIGNED.format("lambda")}
            answered = rig.start(Request("POST", INVOKE, "", headers, b'{"a":1}'))
            ctx, params = rig.fake.seen[0]
            assert params["FunctionName"] == "f" and params["Payload"] == b'{"a":1}'
            assert (ctx.account, ctx.region, ctx.endpoint) == ("123456789012", "eu-west-1", "http://h:1")
            assert len(asyncio.all_tasks()) == tasks
            rig.fake.replies[0]({"StatusCode": 200, "Payload": b'"hi"', "ExecutedVersion": "$LATEST"})
            response = answered.result()
            assert (response.status, response.body) == (200, b'"hi"')
            assert header(response, "X-Amz-Executed-Version") == "$LATEST"
            assert header(response, "x-amzn-RequestId") == ctx.request_id

        run(check)

    def test_an_ordinary_operation_runs_in_a_task(self) -> None:
        async def check(rig: Rig) -> None:
            response = await rig.ask("POST", "/", service="sts", body=IDENTITY, content_type=FORM)
            assert response.status == 200
            assert b"<Account>123456789012</Account>" in bytes(response.body)  # type: ignore[arg-type]

        run(check)

    def test_an_unsigned_request_acts_in_the_default_account_and_region(self) -> None:
        async def check(rig: Rig) -> None:
            response = await rig.ask("POST", "/", body=IDENTITY, content_type=FORM)
            assert b"<Account>000000000000</Account>" in bytes(response.body)  # type: ignore[arg-type]
            assert b"<UserId>us-east-1</UserId>" in bytes(response.body)  # type: ignore[arg-type]

        run(check)

    def test_ctx_call_reaches_ordinary_and_direct_operations_of_other_services(self) -> None:
        async def check(rig: Rig) -> None:
            asking = asyncio.ensure_future(rig.ask("GET", "/2015-03-31/functions/f", service="lambda"))
            await until(lambda: bool(rig.fake.replies))
            rig.fake.replies[0]({"StatusCode": 200, "ExecutedVersion": "7"})
            configuration = content(await asking)["Configuration"]
            assert (configuration["FunctionName"], configuration["Description"]) == ("123456789012", "7")

        run(check)

    def test_calls_of_a_service_that_is_not_built_yet_wait_for_it(self) -> None:
        async def check(rig: Rig) -> None:
            listing = b"Action=ListTopics&Version=2010-03-31"
            asking = [
                asyncio.create_task(rig.ask("POST", "/", service="sns", body=listing, content_type=FORM))
                for _ in range(2)
            ]
            health = content(await rig.ask("GET", "/_samovar/health"))
            assert health["services"]["sns"] == "running" and not rig.fake.seen
            rig.built.set()
            assert [(await each).status for each in asking] == [200, 200]
            ctx = rig.fake.seen[0][0]
            await ctx.call("sns", "ListTopics", {})
            assert len(rig.fake.seen) == 3

        run(check, builds_topics=True)

    def test_ctx_call_validates_and_refuses_as_the_service_would(self) -> None:
        async def check(rig: Rig) -> None:
            await rig.ask("POST", "/", service="sts", body=IDENTITY, content_type=FORM)
            ctx = rig.fake.seen[0][0]
            for service, operation, params, code in (
                ("lambda", "Invoke", {}, "ValidationException"),
                ("lambda", "Invoke", {"FunctionName": "missing"}, "ResourceNotFoundException"),
                ("lambda", "CreateFunction", {}, "NotImplementedException"),
                ("sqs", "SendMessage", {}, "NotImplementedException"),
            ):
                with pytest.raises(AwsError) as caught:
                    await ctx.call(service, operation, params)
                assert caught.value.code == code

        run(check)


class TestErrors:
    def test_an_aws_error_is_answered_in_the_services_form(self) -> None:
        async def check(rig: Rig) -> None:
            path = INVOKE.replace("/f/", "/missing/")
            response = await rig.ask("POST", path, service="lambda")
            assert response.status == 404
            assert header(response, "x-amzn-ErrorType") == "ResourceNotFoundException"
            assert content(response) == {"Type": "User", "Message": "Function not found"}

        run(check)

    def test_an_error_that_comes_through_the_reply_is_answered_too(self) -> None:
        async def check(rig: Rig) -> None:
            headers = {"host": "h", "authorization": SIGNED.format("lambda")}
            answered = rig.start(Request("POST", INVOKE, "", headers, b""))
            rig.fake.replies[0](AwsError("TooManyRequestsException", "Rate Exceeded."))
            assert answered.result().status == 429

        run(check)

    def test_an_operation_that_the_service_lacks_answers_501_and_names_it(self) -> None:
        async def check(rig: Rig) -> None:
            response = await rig.ask("POST", "/2015-03-31/functions", service="lambda", body=b"{}")
            assert response.status == 501
            assert header(response, "x-amzn-ErrorType") == "NotImplementedException"
            assert "lambda.CreateFunction" in content(response)["message"]

        run(check)

    def test_a_service_that_is_not_here_is_named(self) -> None:
        async def check(rig: Rig) -> None:
            response = await rig.ask("POST", "/", service="sqs", x_amz_target="AmazonSQS.SendMessage")
            assert response.status == 501
            assert "sqs" in content(response)["message"]

        run(check)

    @pytest.mark.parametrize("when", ["in a task", "in a reply", "in the serializer"])
    def test_a_bug_answers_500_with_the_request_id_and_logs_one_traceback(
        self, when: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def check(rig: Rig) -> None:
            if when == "in a task":
                response = await rig.ask("GET", "/2015-03-31/functions/", service="lambda")
            else:
                headers = {"host": "h", "authorization": SIGNED.format("lambda")}
                answered = rig.start(Request("POST", INVOKE, "", headers, b""))
                result: Any = RuntimeError("a bug") if when == "in a reply" else None
                rig.fake.replies[0](result)
                response = answered.result()
            assert response.status == 500
            assert header(response, "x-amzn-ErrorType") == "ServiceException"
            assert "bug" not in content(response)["Message"]
            [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
            assert record.exc_info is not None
            assert (header(response, "x-amzn-RequestId") or "-") in record.getMessage()

        run(check)

    def test_what_still_runs_at_close_is_cancelled_and_told_so(self) -> None:
        async def check(rig: Rig) -> None:
            asking = asyncio.ensure_future(
                rig.ask(
                    "POST",
                    "/",
                    service="logs",
                    body=b'{"logGroupName":"g"}',
                    x_amz_target="Logs_20140328.CreateLogGroup",
                    content_type="application/x-amz-json-1.1",
                )
            )
            await until(lambda: rig.fake.waiting)
            await rig.gateway.close()
            response = await asking
            assert response.status == 503
            assert content(response)["__type"] == "ServiceUnavailableException"

        run(check)

    def test_a_region_that_cannot_be_one_is_refused(self) -> None:
        async def check(rig: Rig) -> None:
            authorization = SIGNED.format("sts").replace("eu-west-1", "mars")
            response = await rig.ask("POST", "/", body=IDENTITY, content_type=FORM, authorization=authorization)
            assert response.status == 403
            assert b"valid region" in bytes(response.body)  # type: ignore[arg-type]
            assert rig.fake.seen == []

        run(check)


class TestOrigins:
    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "http://[::1"])
    def test_a_page_of_another_site_reaches_nothing(self, origin: str) -> None:
        async def check(rig: Rig) -> None:
            for path in ("/_samovar/health", "/_samovar/reset", INVOKE):
                response = await rig.ask("POST", path, origin=origin)
                assert response.status == 403
            assert rig.fake.seen == [] and rig.fake.resets == []

        run(check, allow_reset=True)

    def test_nor_what_others_have_reached_before(self) -> None:
        async def check(rig: Rig) -> None:
            for _ in range(2):
                rig.start(Request("POST", INVOKE, "", {"host": "127.0.0.1:4566"}, b"{}"))
            assert len(rig.fake.seen) == 2
            assert (await rig.ask("POST", INVOKE, body=b"{}", origin="https://evil.example")).status == 403
            assert len(rig.fake.seen) == 2

        run(check)

    @pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:4566", "http://app.localhost"])
    def test_a_local_page_is_welcome(self, origin: str) -> None:
        async def check(rig: Rig) -> None:
            assert (await rig.ask("GET", "/_samovar/health", origin=origin)).status == 200

        run(check)


class TestSites:
    """What services answer to browsers under host names of their own."""

    @pytest.mark.parametrize(
        ("host", "path"),
        [
            ("x.site-label.us-east-1.localhost:4566", "/"),
            ("X.Site-Label.example.com", INVOKE),
            ("127.0.0.1:4566", "/_samovar/site/x/a"),
            ("foreign.example.com", "/_samovar/site/x"),
        ],
    )
    def test_a_site_is_found_by_its_label_or_its_path_and_open_to_every_page(self, host: str, path: str) -> None:
        async def check(rig: Rig) -> None:
            response = await rig.ask("GET", path, host=host, origin="https://evil.example")
            assert (response.status, response.body) == (200, b"a page")
            [(ctx, seen)] = rig.fake.seen
            assert seen == {"path": path}
            assert (ctx.account, ctx.region, ctx.endpoint) == ("000000000000", "us-east-1", f"http://{host}")

        run(check)

    def test_a_signature_tells_a_site_who_visits(self) -> None:
        async def check(rig: Rig) -> None:
            await rig.ask("GET", "/", service="lambda", host="x.site-label.y")
            [(ctx, _)] = rig.fake.seen
            assert (ctx.account, ctx.region) == ("123456789012", "eu-west-1")

        run(check)

    def test_a_bug_in_a_site_answers_500(self, caplog: pytest.LogCaptureFixture) -> None:
        async def check(rig: Rig) -> None:
            with caplog.at_level(logging.CRITICAL):
                assert (await rig.ask("GET", "/bug", host="x.site-label.y")).status == 500

        run(check)


class TestDoors:
    @pytest.mark.parametrize("path", ["/_samovar/health", "/_localstack/health"])
    def test_health_names_version_isolation_and_services(self, path: str) -> None:
        async def check(rig: Rig) -> None:
            response = await rig.ask("GET", path)
            assert content(response) == {
                "version": "1.2.3",
                "isolation": "full",
                "services": {"lambda": "running", "sts": "running", "logs": "running"},
            }

        run(check)

    def test_a_foreign_host_name_does_not_open_the_doors(self) -> None:
        """DNS rebinding: the page's own name points at 127.0.0.1."""

        async def check(rig: Rig) -> None:
            for host in ("evil.example:4566", "127.0.0.1.evil.example", "[::1"):
                assert (await rig.ask("GET", "/_samovar/health", host=host)).status == 403
            for host in ("localhost:4566", "[::1]:4566", "10.0.0.7", "localhost.localstack.cloud:4566"):
                assert (await rig.ask("GET", "/_samovar/health", host=host)).status == 200

        run(check)

    def test_who_listens_beyond_loopback_is_reached_by_any_name(self) -> None:
        async def check(rig: Rig) -> None:
            assert (await rig.ask("GET", "/_samovar/health", host="samovar.internal:4566")).status == 200

        run(check, listen_host="0.0.0.0")

    @pytest.mark.parametrize("path", ["/_samovar/reset", "/_localstack/state/reset"])
    def test_reset_empties_every_service_and_then_the_rest(self, path: str) -> None:
        async def check(rig: Rig) -> None:
            response = await rig.ask("POST", path)
            assert response.status == 200
            assert rig.fake.resets == ["lambda", "everything else"]

        run(check, allow_reset=True)

    def test_reset_is_refused_unless_it_was_allowed(self) -> None:
        async def check(rig: Rig) -> None:
            response = await rig.ask("POST", "/_samovar/reset")
            assert response.status == 403
            assert "--allow-reset" in content(response)["message"]
            assert rig.fake.resets == []

        run(check)

    def test_a_function_cannot_reset_the_platform(self) -> None:
        async def check(rig: Rig) -> None:
            assert (await rig.ask("POST", "/_samovar/reset", source="environment 1")).status == 403
            assert rig.fake.resets == []

        run(check, allow_reset=True)

    def test_a_reset_by_get_is_refused(self) -> None:
        async def check(rig: Rig) -> None:
            response = await rig.ask("GET", "/_samovar/reset")
            assert (response.status, header(response, "Allow")) == (405, "POST")
            assert rig.fake.resets == []

        run(check, allow_reset=True)

    def test_a_services_link_is_fetched_and_a_bad_one_refused(self) -> None:
        async def check(rig: Rig) -> None:
            response = await rig.ask("GET", "/_samovar/code/f?token=good")
            assert (response.status, response.body) == (200, b"zip")
            assert (await rig.ask("GET", "/_samovar/code/f?token=bad")).status == 403

        run(check)

    def test_an_unknown_door_is_not_mistaken_for_an_operation(self) -> None:
        async def check(rig: Rig) -> None:
            response = await rig.ask("GET", "/_samovar/treasury", service="lambda")
            assert response.status == 404
            assert "/_samovar/health" in content(response)["message"]

        run(check)


def test_the_clock_moves_forward_when_that_is_allowed() -> None:
    async def check(rig: Rig) -> None:
        before = rig.clock.now()
        response = await rig.ask("POST", "/_samovar/clock", body=b'{"advance_s": 120.5}')
        assert response.status == 200
        assert content(response)["epoch_s"] == rig.clock.now() == before + 120.5
        shown = content(await rig.ask("GET", "/_samovar/clock"))
        assert shown == {"now": "2023-11-14T22:15:20.500Z", "epoch_s": rig.clock.now(), "advanced_s": 120.5}

    run(check, allow_clock=True)


def test_the_clock_refuses_to_go_back_and_whatever_is_no_time() -> None:
    async def check(rig: Rig) -> None:
        for body in (
            b"",
            b"{}",
            b"[]",
            b'{"advance_s": -1}',
            b'{"advance_s": 1e300}',
            b'{"advance_s": "1"}',
            b"{",
            b"1",
        ):
            response = await rig.ask("POST", "/_samovar/clock", body=body)
            assert response.status == 400, body
            assert '{"advance_s": 120}' in content(response)["message"]
        assert (await rig.ask("DELETE", "/_samovar/clock")).status == 405
        assert rig.clock.advanced_s == 0

    run(check, allow_clock=True)


def test_the_clock_is_fixed_unless_the_server_allows_moving_it_and_for_functions_always() -> None:
    async def fixed(rig: Rig) -> None:
        response = await rig.ask("POST", "/_samovar/clock", body=b'{"advance_s": 1}')
        assert response.status == 403
        assert "--allow-clock" in content(response)["message"]
        assert (await rig.ask("GET", "/_samovar/clock")).status == 200

    async def inside(rig: Rig) -> None:
        response = await rig.ask("POST", "/_samovar/clock", body=b'{"advance_s": 1}', source="box-1")
        assert response.status == 403
        assert rig.clock.advanced_s == 0

    run(fixed)
    run(inside, allow_clock=True)


_text = st.text(st.characters(max_codepoint=255), max_size=30)
_headers = st.dictionaries(
    st.sampled_from(["authorization", "host", "origin", "x-amz-target", "content-type", "smithy-protocol"]),
    st.one_of(
        _text,
        st.sampled_from([SIGNED.format("lambda"), SIGNED.format("logs"), SIGNED.format("sts"), FORM]),
        st.sampled_from(["Logs_20140328.PutLogEvents", "Logs_20140328.CreateLogGroup", "rpc-v2-cbor"]),
    ),
)
_paths = st.one_of(
    _text.map(lambda text: "/" + text), st.sampled_from(["/", INVOKE, "/2015-03-31/functions/%00%ff", "/_samovar/x"])
)


@settings(max_examples=300, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"]),
    path=_paths,
    query=_text,
    headers=_headers,
    body=st.one_of(st.binary(max_size=40), st.just(b'{"logGroupName": 1}'), st.just(IDENTITY), st.just(b"[" * 100_000)),
)
def test_no_request_is_a_bug(method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> None:
    """Whatever a client sends is the client's fault: never a 500."""

    async def check(rig: Rig) -> None:
        rig.fake.gate.set()
        answered = rig.start(Request(method, path, query, headers, body))
        for _ in range(5):
            await asyncio.sleep(0)
        if rig.fake.replies:
            rig.fake.replies[0]({"StatusCode": 200})
        assert (await asyncio.wait_for(answered, 5)).status != 500

    run(check)
