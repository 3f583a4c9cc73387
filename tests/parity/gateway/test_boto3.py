"""The whole platform through boto3: accounts, regions, errors and sizes as an SDK sees them."""

import asyncio
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
import uvloop
from botocore.config import Config
from botocore.exceptions import ClientError

from samovar.app.platform import App
from samovar.settings import Settings

Connect = Callable[..., Any]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A platform in memory, in a thread of its own."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        loop = runner.get_loop()
        stop = asyncio.Event()
        ready = threading.Event()
        running: list[str] = []

        async def body() -> None:
            async with App(Settings(port=0, ephemeral=True, allow_reset=True, isolation="auto")) as app:
                running.append(app.running.endpoint)
                ready.set()
                await stop.wait()

        thread = threading.Thread(target=loop.run_until_complete, args=(body(),))
        thread.start()
        assert ready.wait(20)
        yield running[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)


@pytest.fixture
def connect(endpoint: str) -> Iterator[Connect]:
    opened = []

    def client(service: str, account: str = "123456789012", region: str = "eu-west-1") -> Any:
        made = boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}),
        )
        opened.append(made)
        return made

    yield client
    for made in opened:
        made.close()


def failure(call: Callable[..., Any], **params: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_the_caller_is_the_account_of_its_access_key(connect: Connect) -> None:
    answer = connect("sts").get_caller_identity()
    assert answer["Account"] == "123456789012"
    assert answer["Arn"] == "arn:aws:iam::123456789012:root"
    assert connect("sts", account="AKIAIOSFODNN7EXAMPLE").get_caller_identity()["Account"] == "000000000000"


def test_accounts_and_regions_do_not_see_each_other(connect: Connect) -> None:
    connect("logs").create_log_group(logGroupName="/mine")
    assert [g["logGroupName"] for g in connect("logs").describe_log_groups()["logGroups"]] == ["/mine"]
    assert connect("logs", region="us-east-1").describe_log_groups()["logGroups"] == []
    assert connect("logs", account="210987654321").describe_log_groups()["logGroups"] == []


def test_a_services_error_arrives_as_its_own_exception(connect: Connect) -> None:
    logs = connect("logs")
    logs.create_log_group(logGroupName="/twice")
    with pytest.raises(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName="/twice")


def test_an_operation_that_is_missing_says_so(connect: Connect) -> None:
    code, message, status = failure(connect("lambda").list_capacity_providers)
    assert (code, status) == ("NotImplementedException", 501)
    assert "ListCapacityProviders" in message


def test_a_service_that_is_missing_says_so(connect: Connect) -> None:
    code, message, status = failure(connect("kinesis").list_streams)
    assert (code, status) == ("UnknownServiceException", 501)
    assert "kinesis" in message


def test_an_oversized_invocation_is_refused_in_lambdas_words(connect: Connect) -> None:
    """facts/lambda-api.md §5. boto3 sends the whole body before it reads the answer."""
    code, message, status = failure(connect("lambda").invoke, FunctionName="f", Payload=b"x" * 6291457)
    assert (code, status) == ("RequestEntityTooLargeException", 413)
    assert message == "Request must be smaller than 6291456 bytes for the InvokeFunction operation"


def test_an_oversized_code_upload_is_refused_in_lambdas_words(connect: Connect) -> None:
    code, message, status = failure(
        connect("lambda").create_function,
        FunctionName="f",
        Role="arn:aws:iam::123456789012:role/r",
        Code={"ZipFile": bytes(60 << 20)},
    )
    assert (code, status) == ("RequestEntityTooLargeException", 413)
    assert message == "Request must be smaller than 70167211 bytes for the CreateFunction operation"


def test_health_says_what_runs(endpoint: str) -> None:
    for path in ("/_samovar/health", "/_localstack/health"):
        with urllib.request.urlopen(endpoint + path) as answer:
            health = json.load(answer)
        assert health["services"]["sts"] == "running" and health["version"] and health["isolation"]


def test_reset_empties_the_services(endpoint: str, connect: Connect) -> None:
    connect("logs").create_log_group(logGroupName="/gone")
    with urllib.request.urlopen(urllib.request.Request(endpoint + "/_samovar/reset", method="POST")) as answer:
        assert answer.status == 200
    assert connect("logs").describe_log_groups()["logGroups"] == []


def test_a_web_page_of_another_site_is_refused(endpoint: str) -> None:
    request = urllib.request.Request(
        endpoint + "/_samovar/reset", method="POST", headers={"Origin": "https://evil.example"}
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    caught.value.close()
    assert caught.value.code == 403
