"""Images pushed through the registry's door, and functions made of them."""

import http.client
import itertools
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest
from images import MANIFEST, Image, Member, digest, layer
from roots import PYTHON, VARIABLES, python_layer

REGION = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/r"
_NAMES = itertools.count(1)


class Registry:
    """A repository of its own on a platform."""

    def __init__(self, platform: Any) -> None:
        self.platform = platform
        self.repository = f"team/app-{next(_NAMES)}"
        answer = platform.client("ecr").create_repository(repositoryName=self.repository)["repository"]
        self.account = answer["registryId"]
        self.uri = answer["repositoryUri"]
        self._place = f"/v2/{self.account}.dkr.ecr.{REGION}/{self.repository}"
        self._address = urlsplit(platform.endpoint).netloc

    def push(self, image: Image, tag: str = "", manifest: bytes = b"", media_type: str = MANIFEST) -> str:
        """The image, or an index of what was pushed; its URI, by tag or by digest."""
        for name, blob in image.blobs.items() if not manifest else ():
            if self._ask("HEAD", f"{self._place}/blobs/{name}").status == 404:
                begun = self._ask("POST", f"{self._place}/blobs/uploads/")
                there = begun.headers["Location"]
                assert self._ask("PUT", f"{there}?digest={name}", blob).status == 201
        text = manifest or image.manifest
        reference = tag or digest(text)
        answer = self._ask("PUT", f"{self._place}/manifests/{reference}", text, {"Content-Type": media_type})
        assert answer.status == 201, answer.reason
        return f"{self.uri}:{tag}" if tag else f"{self.uri}@{digest(text)}"

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self._address, timeout=60)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            response.read()
            return response
        finally:
            connection.close()


def python_image(source: str, *more: Member, start: Mapping[str, Any] = {}, **options: Any) -> Image:
    """An image as AWS documents it for a base image of one's own: awslambdaric is the entry point, the handler
    `app.handler` its command."""
    code = Member("var/task/app.py", textwrap.dedent(source).encode())
    wanted = {
        "Entrypoint": [PYTHON, "-m", "awslambdaric"],
        "Cmd": ["app.handler"],
        "WorkingDir": "/var/task",
        "Env": VARIABLES,
    }
    return Image(python_layer(), layer(code, *more), start={**wanted, **start}, **options)


@pytest.fixture
def registry(platform: Any) -> Iterator[Registry]:
    registry = Registry(platform)
    yield registry
    platform.client("ecr").delete_repository(repositoryName=registry.repository, force=True)


@pytest.fixture
def create(platform: Any) -> Iterator[Callable[..., Any]]:
    """`create(uri, **configuration)`: a function of an image, which goes with the test; it isn't waited for."""
    made = []

    def create(uri: str, **configuration: Any) -> Any:
        name = configuration.pop("FunctionName", f"image-{next(_NAMES)}")
        platform.client("lambda").create_function(
            FunctionName=name, Role=ROLE, PackageType="Image", Code={"ImageUri": uri}, **configuration
        )
        made.append(platform.function(name))
        return made[-1]

    yield create
    for function in made:
        function.delete()


@pytest.fixture
def run(registry: Registry, create: Callable[..., Any]) -> Callable[..., Any]:
    """`run(image, **configuration)`: push it, make a function of it, wait until it can be invoked."""

    def run(image: Image, **configuration: Any) -> Any:
        function = create(registry.push(image, f"t{next(_NAMES)}"), **configuration)
        function.settle()
        return function

    return run
