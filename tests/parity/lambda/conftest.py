"""boto3 against the real gateway and Lambda service on a real socket. The engine is played: it echoes the event; and so
is SQS: every queue is there but for those whose names end in `missing`.
"""

import asyncio
import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from samovar.core.clock import SystemClock
from samovar.core.context import Acting, Context, Params
from samovar.core.errors import AwsError
from samovar.core.service import Service
from samovar.core.services import Services
from samovar.engine.model import Invocation, Outcome, Result, Version
from samovar.engine.streaming import Pace, Sink
from samovar.gateway.admission import admit
from samovar.gateway.dispatch import Gateway
from samovar.gateway.doors import Doors, Site
from samovar.net.server import serve
from samovar.services import lambda_
from samovar.store.blobs import Blobs
from samovar.store.sqlite import open_store
from samovar.wire.model import Models

ACCOUNT = "123456789012"


class EchoEngine:
    """Answers the event; `{"fail": ...}` is a function error."""

    concurrency = 1000

    def start(
        self, version: Version, invocation: Invocation, done: Callable[[Result], None], sink: Sink | None = None
    ) -> None:
        failed = b'"fail"' in invocation.payload
        tail = b"END RequestId: " + invocation.request_id.encode() if invocation.tail else b""
        done(Result(Outcome.FUNCTION_ERROR if failed else Outcome.OK, invocation.payload, log_tail=tail))

    def pace(self) -> Pace | None:
        return None

    def runtime_available(self, runtime: str) -> str | None:
        return None if runtime.startswith(("python", "image")) else f"{runtime} is not installed on this machine."

    async def prepare(self, runtime: str) -> None: ...

    def retire(self, version_key: str) -> None: ...

    def set_reserved(self, function_arn: str, reserved: int | None) -> None: ...

    def provision(self, arn: str, shares: object, *, anew: bool) -> None: ...

    def unprovision(self, arn: str) -> None: ...

    def provisioned(self, arn: str) -> None: ...


async def get_queue_url(ctx: Context, params: Params) -> Params:
    if params["QueueName"].endswith("missing"):
        raise AwsError("QueueDoesNotExist", "The specified queue does not exist.")
    return {"QueueUrl": f"http://sqs/{params['QueueName']}"}


async def get_queue_attributes(ctx: Context, params: Params) -> Params:
    return {"Attributes": {"VisibilityTimeout": "30"}}


QUEUES = Service("sqs", {"getqueueurl": get_queue_url, "getqueueattributes": get_queue_attributes}, {})


class Server:
    def __init__(self, directory: Path) -> None:
        self.url = ""
        self._directory = directory
        self.service: Service
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def __enter__(self) -> "Server":
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    async def _run(self) -> None:
        store = await open_store(None)
        blobs = await Blobs.open(self._directory / "code")
        acting = Acting()
        service, download, urls, _ = await lambda_.build(
            store, blobs, self._directory / "trees", EchoEngine(), SystemClock(), acting, "x86_64"
        )
        self.service = service

        async def nothing() -> None: ...

        doors = Doors(
            Services.of([service]),
            facts=dict,
            reset=nothing,
            allow_reset=False,
            clock=SystemClock(),
            allow_clock=False,
            listen_host="127.0.0.1",
            downloads={lambda_.LINK_PATH: download},
            sites=[Site(urls.claims, urls.serve)],
        )
        gateway = Gateway(Models(), Services.of([service, QUEUES]), doors=doors, region="us-east-1")
        server = await serve(gateway.handle, host="127.0.0.1", port=0, admit=admit)
        self.url = f"http://127.0.0.1:{server.address[1]}"
        acting.attach(gateway, self.url)
        self._ready.set()
        await self._stop.wait()
        await server.close(1)
        await gateway.close()
        assert service.close
        await service.close()
        await store.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("lambda")) as running:
        yield running


@pytest.fixture(scope="module")
def service(server: Server) -> Service:
    return server.service


@pytest.fixture(scope="module")
def connect(server: Server) -> Iterator[Callable[..., Any]]:
    """Makes Lambda clients that don't check parameters themselves, so that the server has to."""
    clients = []

    def client(account: str = ACCOUNT, region: str = "us-east-1") -> Any:
        made = boto3.client(
            "lambda",
            region_name=region,
            endpoint_url=server.url,
            aws_access_key_id=account,
            aws_secret_access_key="x",
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        )
        clients.append(made)
        return made

    yield client
    for made in clients:
        made.close()


@pytest.fixture(scope="module")
def client(connect: Callable[..., Any]) -> Any:
    return connect()


@pytest.fixture
def package() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("h.py"), "def handler(event, context):\n    return event\n")
    return buffer.getvalue()


@pytest.fixture
def create(client: Any, package: bytes, request: pytest.FixtureRequest) -> Iterator[Callable[..., dict[str, Any]]]:
    """Creates functions, waits until they are active, deletes them afterwards."""
    names = set()

    def create(name: str = "f", **changes: Any) -> dict[str, Any]:
        params = {
            "FunctionName": name,
            "Role": f"arn:aws:iam::{ACCOUNT}:role/r",
            "Runtime": "python3.12",
            "Handler": "h.handler",
            "Code": {"ZipFile": package},
        }
        answer: dict[str, Any] = client.create_function(**(params | changes))
        names.add(name)
        client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0})
        return answer

    yield create
    for name in names:
        client.delete_function(FunctionName=name)
