"""A Lambda service on a store in memory and an engine that answers by hand."""

import asyncio
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from images import MANIFEST, Image, digest

from samovar.core.clock import FakeClock
from samovar.core.context import Acting, Context
from samovar.core.errors import AwsError
from samovar.core.service import Service, fold
from samovar.engine.model import Invocation, Outcome, Result, Version
from samovar.engine.provisioning import Provisioned
from samovar.engine.streaming import Pace, Sink
from samovar.services import lambda_
from samovar.store.blobs import Blobs
from samovar.store.sqlite import Store, open_store

NOVEMBER_2026 = 1_795_000_000.0
ACCOUNT = "123456789012"
REGION = "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"


class FakeEngine:
    """Keeps what it is asked to run; `finish` answers."""

    concurrency = 1000

    def __init__(self) -> None:
        self.started: list[tuple[Version, Invocation]] = []
        self.retired: list[str] = []
        self.prepared: list[str] = []
        self.missing: dict[str, str] = {}
        self.reserved: dict[str, int] = {}
        self.provisions: dict[str, list[tuple[Version, int]]] = {}
        self.stands: Provisioned | None = None
        self.refusal: AwsError | None = None
        self.result: Result | None = Result(Outcome.OK, b'"done"')
        self._done: list[Callable[[Result], None]] = []

    def start(
        self, version: Version, invocation: Invocation, done: Callable[[Result], None], sink: Sink | None = None
    ) -> None:
        if self.refusal:
            raise self.refusal
        self.started.append((version, invocation))
        if self.result:
            done(self.result)
        else:
            self._done.append(done)

    def finish(self, result: Result) -> None:
        self._done.pop(0)(result)

    def pace(self) -> Pace | None:
        return None

    def runtime_available(self, runtime: str) -> str | None:
        return self.missing.get(runtime)

    async def prepare(self, runtime: str) -> None:
        self.prepared.append(runtime)

    def retire(self, version_key: str) -> None:
        self.retired.append(version_key)

    def provision(self, arn: str, shares: Sequence[tuple[Version, int]], *, anew: bool) -> None:
        self.provisions[arn] = list(shares)

    def unprovision(self, arn: str) -> None:
        del self.provisions[arn]

    def provisioned(self, arn: str) -> Provisioned | None:
        return self.stands if arn in self.provisions else None

    def set_reserved(self, function_arn: str, reserved: int | None) -> None:
        if reserved is None:
            self.reserved.pop(function_arn, None)
        else:
            self.reserved[function_arn] = reserved


class Buckets:
    """S3 as Lambda sees it: versions of objects."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], bytes] = {}
        """Bucket, key, version."""
        self.refusal = AwsError("AccessDenied", "Access Denied")
        self.asked: list[tuple[Context, str, str]] = []

    async def call(self, ctx: Context, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        bucket, key, version = params["Bucket"], params["Key"], params.get("VersionId", "")
        self.asked.append((ctx, operation, version))
        found = {at[2]: data for at, data in self.objects.items() if at[:2] == (bucket, key)}
        if not found or (version and version not in found):
            raise self.refusal
        version = version or list(found)[-1]
        answer = {"ContentLength": len(found[version]), "Body": found[version]}
        return answer | ({"VersionId": version} if version != "-" else {})


class Registry:
    """ECR as Lambda sees it: one repository, `team/app`."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.opened: list[str] = []
        """Digests."""
        self.refusal: AwsError | None = None
        self._manifests: dict[str, dict[str, Any]] = {}
        """By tag and by digest, as BatchGetImage answers."""

    def push(self, image: Image, tag: str = "") -> Image:
        self.put(image.manifest, MANIFEST, tag, image.blobs)
        return image

    def put(self, manifest: bytes, media_type: str, tag: str = "", blobs: Mapping[str, bytes] = {}) -> None:
        self.blobs |= blobs
        found = {"imageManifest": manifest.decode(), "imageManifestMediaType": media_type}
        for name in (tag, digest(manifest)):
            self._manifests[name] = {**found, "imageId": {"imageDigest": digest(manifest)}}

    def clear(self) -> None:
        self.blobs.clear()
        self._manifests.clear()

    async def call(self, ctx: Context, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        assert (service, operation) == ("ecr", "BatchGetImage"), "Lambda calls no other service here"
        if self.refusal is not None:
            raise self.refusal
        if params["repositoryName"] != "team/app":
            raise AwsError("RepositoryNotFoundException", "no such repository")
        [id] = params["imageIds"]
        found = self._manifests.get(id.get("imageDigest") or id["imageTag"])
        return {"images": [found] if found else [], "failures": []}

    async def open(self, account: str, region: str, repository: str, digest: str) -> BinaryIO | None:
        self.opened.append(digest)
        data = self.blobs.get(digest)
        return None if data is None else io.BytesIO(data)


class Lab:
    """One service and one caller; everything runs on one event loop, that stands still between the calls."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.engine = FakeEngine()
        self.clock = FakeClock(NOVEMBER_2026)
        self.buckets = Buckets()
        self.registry = Registry()
        self.draws: list[float] = []
        """The random numbers to come."""
        self.polled: tuple[str, ...] = ()
        """The event sources from which something delivers; takes a `restart`."""
        self.ctx = self.context()
        self.runner = asyncio.Runner()
        self.store: Store
        self.service: Service
        self.download: lambda_.Download
        self.urls: lambda_.UrlSite
        self.runner.run(self._start())

    def context(self, account: str = ACCOUNT, region: str = REGION) -> Context:
        root = f"arn:aws:iam::{account}:root"
        return Context(
            account, region, "11111111-2222-4333-a444-555555555555", root, "http://127.0.0.1:4566", self.registry
        )

    async def _start(self) -> None:
        self.store = await open_store(self.directory / "data")
        blobs = await Blobs.open(self.directory / "code")
        acting = Acting()
        acting.attach(self.buckets, "http://127.0.0.1:4566")
        self.service, self.download, self.urls, self.door = await lambda_.build(
            self.store,
            blobs,
            self.directory / "trees",
            self.engine,
            self.clock,
            acting,
            "x86_64",
            self._draw,
            self.polled,
            images=lambda_.ImageStore(self.registry.open, self.directory / "image-trees", self.clock, lambda_.KEPT_S),
        )

    def _draw(self) -> float:
        return self.draws.pop(0)

    async def _stop(self) -> None:
        assert self.service.close
        await self.service.close()
        await self.store.close()

    def restart(self, missing: dict[str, str] | None = None) -> None:
        """Stop and start again on the same data; `missing` runtimes have gone meanwhile."""
        self.runner.run(self._stop())
        self.engine = FakeEngine()
        self.engine.missing = missing or {}
        self.runner.run(self._start())

    def close(self) -> None:
        self.runner.run(self._stop())
        self.runner.close()

    async def acall(self, operation: str, ctx: Context | None = None, **params: Any) -> dict[str, Any]:
        return await self.service.operations[fold(operation)](ctx or self.ctx, params)

    def call(self, operation: str, ctx: Context | None = None, **params: Any) -> dict[str, Any]:
        return self.runner.run(self.acall(operation, ctx, **params))

    def error(self, operation: str, ctx: Context | None = None, **params: Any) -> AwsError:
        with pytest.raises(AwsError) as caught:
            self.call(operation, ctx, **params)
        return caught.value

    async def acreate(self, name: str = "f", **changes: Any) -> dict[str, Any]:
        params = {
            "FunctionName": name,
            "Role": ROLE,
            "Runtime": "python3.12",
            "Handler": "h.handler",
            "Code": {"ZipFile": zipped("one")},
        }
        return await self.acall("CreateFunction", None, **(params | changes))

    def create(self, name: str = "f", **changes: Any) -> dict[str, Any]:
        """Create a function and wait until it is active."""
        created = self.runner.run(self.acreate(name, **changes))
        self.settle(created["FunctionName"])
        return created

    def settle(self, name: str = "f") -> dict[str, Any]:
        """Wait until nothing is in transition, as the waiters do."""

        async def wait() -> dict[str, Any]:
            while True:
                shown = await self.acall("GetFunctionConfiguration", FunctionName=name)
                if shown.get("LastUpdateStatus") == "Successful" and len(asyncio.all_tasks()) == 1:
                    return shown
                await asyncio.sleep(0.001)

        return self.runner.run(wait())

    def invoke(self, name: str = "f", ctx: Context | None = None, **params: Any) -> Any:
        """The answer; raises the error that was answered; None while there is no answer yet."""

        async def run() -> Any:
            answers: list[Any] = []
            self.service.direct["invoke"](ctx or self.ctx, {"FunctionName": name, **params}, answers.append)
            return answers

        answers = self.runner.run(run())
        assert len(answers) <= 1
        return answers[0] if answers else None

    def invoke_error(self, name: str = "f", **params: Any) -> AwsError:
        with pytest.raises(AwsError) as caught:
            self.invoke(name, **params)
        return caught.value


def zipped(text: str) -> bytes:
    """A zip with a handler; another text is another package."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("h.py"), f"def handler(event, context):\n    return {text!r}\n")
    return buffer.getvalue()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    laboratory = Lab(tmp_path)
    yield laboratory
    laboratory.close()


@pytest.fixture
def make_zip() -> Callable[[str], bytes]:
    return zipped
