"""Any request that the model allows, for every operation that is here, and any path at the door: never a 500."""

import http.client
from typing import Any
from urllib.parse import urlsplit

import botocore.loaders
import botocore.model
import pytest
from botocore.exceptions import ClientError
from generated import Generator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samovar.services.ecr.ops import images, layers, lifecycle, policies, registry, repositories, tags
from samovar.wire.javaregex import JavaRegex

from .conftest import Door, Image, digest

MODEL = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("ecr", "service-2"), "ecr")
GENERATOR = Generator(JavaRegex(), valid=True, full=False)
FEW = settings(max_examples=8, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
HERE = [
    "".join(part.capitalize() for part in name.split("_"))
    for module in (images, layers, lifecycle, policies, registry, repositories, tags)
    for name, what in vars(module).items()
    if not name.startswith("_") and getattr(what, "__module__", "") == module.__name__ and callable(what)
]
LAYER = b"any layer"
KNOWN = {
    # Member -> values that lead somewhere; generated ones seldom do.
    "repositoryName": st.sampled_from(["any/one", "any/one", "any/two"]),
    "repositoryNames": st.sampled_from([["any/one"], ["any/one", "any/two"]]),
    "registryId": st.just("123456789012"),
    "imageTag": st.sampled_from(["v1", "v2", "-", "a b", "\ud800", "x" * 200]),
    "imageDigest": st.sampled_from([digest(b""), "sha256:x", "x", "\ud800"]),
    "layerDigests": st.just([digest(LAYER)]),
    "resourceArn": st.sampled_from(
        ["arn:aws:ecr:us-east-1:123456789012:repository/any/one", "arn:aws:ecr:us-east-1:123456789012:x", "x"]
    ),
    "nextToken": st.sampled_from(["Zg==", "%", "WyJhIl0=", "WzFd"]),
    "policyText": st.sampled_from(["{}", "[]", '{"Statement": 7}', '{"Statement": [7]}']),
}


@pytest.fixture(scope="module")
def ecr(platform: Any) -> Any:
    client = platform.client("ecr")
    yield client
    for found in client.describe_repositories()["repositories"]:
        client.delete_repository(repositoryName=found["repositoryName"], force=True)


def there(ecr: Any, endpoint: str) -> None:
    """What is there to be named: it comes again when a request has deleted it."""
    if any(each["repositoryName"] == "any/one" for each in ecr.describe_repositories()["repositories"]):
        return
    ecr.create_repository(repositoryName="any/one")
    door = Door(endpoint, "123456789012.dkr.ecr.us-east-1")
    door.push("any/one", Image(LAYER), "v1")


def led(draw: Any, value: Any, name: str = "") -> Any:
    """A generated value with known ones in its place, mostly."""
    if name in KNOWN and draw(st.integers(0, 9)):
        return draw(KNOWN[name])
    if isinstance(value, dict):
        return {key: led(draw, each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [led(draw, each) for each in value]
    return value


@pytest.mark.parametrize("operation", HERE)
def test_any_request_is_answered_as_aws_does(ecr: Any, endpoint: str, operation: str) -> None:
    shape = MODEL.operation_model(operation).input_shape
    call = getattr(ecr, next(name for name, api in ecr.meta.method_to_api_mapping.items() if api == operation))

    @FEW
    @given(data=st.data())
    def ask(data: Any) -> None:
        there(ecr, endpoint)
        params = led(data.draw, data.draw(GENERATOR.of(shape)))
        try:
            call(**params)
        except ClientError as refused:
            answer = refused.response
            assert answer["ResponseMetadata"]["HTTPStatusCode"] in (400, 501), (params, answer)
            assert answer["Error"]["Message"]

    ask()


SEGMENTS = st.sampled_from(
    [
        *("any", "one", "v1", "blobs", "uploads", "manifests", "tags", "list", "referrers", "_catalog", "", ".."),
        *("%00", "%2F", "%ff", "%", "sha256:x", digest(LAYER), "123456789012.dkr.ecr.us-east-1", "a" * 300, "A"),
    ]
)
QUERIES = st.sampled_from(
    ["", "?n=0", "?n=x", "?n=99999999999999999999", "?last=%ff", "?digest=", "?token=x", "?mount=x&from=y", "?%"]
)


@settings(FEW, max_examples=150)
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    segments=st.lists(SEGMENTS, min_size=1, max_size=7),
    query=QUERIES,
    body=st.sampled_from([b"", b"{}", b"\x00" * 10]),
    headers=st.dictionaries(
        st.sampled_from(["Range", "Content-Range", "Authorization", "Content-Type"]),
        st.sampled_from(["bytes=0-", "bytes=9-1", "5-1", "0-99999999999999999999", "Basic %", "Basic QVdTOng=", "x/y"]),
    ),
)
def test_any_path_at_the_door_is_answered(
    endpoint: str, ecr: Any, method: str, segments: list[str], query: str, body: bytes, headers: dict[str, str]
) -> None:
    there(ecr, endpoint)
    named = segments if len(segments) < 3 else ["123456789012.dkr.ecr.us-east-1", "any", "one", *segments[3:]]
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=60)
    try:
        connection.request(method, f"/v2/{'/'.join(named)}{query}", body, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status < 500 or answer.status == 501
    finally:
        connection.close()
