"""An S3 client, buckets that go with their test, and what a call that must fail answers."""

import concurrent.futures
import itertools
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

_NAMES = itertools.count()


@pytest.fixture
def s3(client: Callable[..., Any]) -> Any:
    return client("s3")


@pytest.fixture
def make(s3: Any) -> Iterator[Callable[..., str]]:
    """Makes buckets: `make(versioning="Enabled")`."""
    made: list[str] = []

    def make(versioning: str = "", **options: Any) -> str:
        name = f"bucket-{next(_NAMES)}"
        s3.create_bucket(Bucket=name, **options)
        made.append(name)
        if versioning:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": versioning})
        return name

    yield make
    for name in made:
        empty(s3, name)
        s3.delete_bucket(Bucket=name)


@pytest.fixture
def bucket(make: Callable[..., str]) -> str:
    return make()


@pytest.fixture
def versioned(make: Callable[..., str]) -> str:
    return make(versioning="Enabled")


@pytest.fixture
def threads() -> Iterator[concurrent.futures.ThreadPoolExecutor]:
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        yield pool


@pytest.fixture
def refusal() -> Callable[..., tuple[int, str, str]]:
    """(status, code, message) of a call that must fail."""

    def refusal(call: Callable[..., Any], **params: Any) -> tuple[int, str, str]:
        with pytest.raises(ClientError) as caught:
            call(**params)
        answer = caught.value.response
        return (
            answer["ResponseMetadata"]["HTTPStatusCode"],
            answer["Error"]["Code"],
            answer["Error"].get("Message", ""),
        )

    return refusal


@pytest.fixture
def raw(platform: Any) -> Callable[..., tuple[int, dict[str, str], bytes]]:
    """(status, headers, body) of a request without a client's help: `raw("PUT", "/bucket/key", b"..", header=..)`."""

    def raw(method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        url = path if path.startswith("http") else platform.endpoint + path
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(url, data=body, method=method, headers=names)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read()

    return raw


def empty(s3: Any, bucket: str) -> None:
    while True:
        page = s3.list_object_versions(Bucket=bucket)
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if not found:
            return
        objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
        left = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects}).get("Errors", [])
        if left:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects}, BypassGovernanceRetention=True)
