"""An ECR client, the registry's door over plain HTTP, and images to push."""

import hashlib
import http.client
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

OCI = "application/vnd.oci.image.manifest.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, code and message, in the form of the distribution specification."""
        [error] = self.json["errors"]
        return self.status, error["code"], error["message"]


class Image:
    """A manifest and what it names: random layers, unless some are given."""

    def __init__(self, *layers: bytes, media_type: str = OCI, **extra: Any) -> None:
        self.layers = layers or (os.urandom(2000), os.urandom(3000))
        self.config = json.dumps({"architecture": "amd64", "os": "linux", "salt": os.urandom(8).hex()}).encode()
        self.media_type = media_type
        described = [{"mediaType": _DOCKER_LAYER, "digest": digest(each), "size": len(each)} for each in self.layers]
        config = {"mediaType": _DOCKER_CONFIG, "digest": digest(self.config), "size": len(self.config)}
        content = {"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": described, **extra}
        self.manifest = json.dumps(content).encode()
        self.digest = digest(self.manifest)

    @property
    def blobs(self) -> tuple[bytes, ...]:
        return (self.config, *self.layers)

    @property
    def described(self) -> dict[str, Any]:
        """As an index names it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.manifest)}


def index_of(*images: Image, **extra: Any) -> Image:
    """An index of images, which has no layers of its own."""
    index = Image(media_type=INDEX)
    content = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [each.described for each in images], **extra}
    index.manifest = json.dumps(content).encode()
    index.digest = digest(index.manifest)
    return index


class Door:
    """The registry of one account, at the platform's own address, as docker's clients speak to it."""

    def __init__(self, endpoint: str, registry: str, headers: Mapping[str, str] = {}) -> None:
        self.address = urlsplit(endpoint).netloc
        self.registry = registry
        self.headers = dict(headers)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection(self.address, timeout=60)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, {**self.headers, **named})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def path(self, repository: str) -> str:
        return f"/v2/{self.registry}/{repository}" if self.registry else f"/v2/{repository}"

    def begin(self, repository: str, query: str = "") -> Answer:
        return self("POST", f"{self.path(repository)}/blobs/uploads/{query}")

    def upload(self, repository: str, data: bytes) -> Answer:
        """As docker does: one PATCH, then a PUT without a body."""
        place = self.begin(repository).headers["Location"]
        patched = self("PATCH", place, data)
        assert patched.status == 202, patched.body
        return self("PUT", f"{patched.headers['Location']}?digest={digest(data)}")

    def put(self, repository: str, image: Image, reference: str = "") -> Answer:
        """The manifest alone."""
        path = f"{self.path(repository)}/manifests/{reference or image.digest}"
        return self("PUT", path, image.manifest, Content_Type=image.media_type)

    def push(self, repository: str, image: Image, tag: str = "") -> str:
        """All of an image; its digest."""
        for blob in image.blobs:
            answer = self.upload(repository, blob)
            assert answer.status == 201, answer.body
        answer = self.put(repository, image, tag)
        assert answer.status == 201, answer.body
        return image.digest

    def blob(self, repository: str, name: str, method: str = "GET", **headers: str) -> Answer:
        return self(method, f"{self.path(repository)}/blobs/{name}", **headers)

    def manifest(self, repository: str, reference: str, method: str = "GET") -> Answer:
        return self(method, f"{self.path(repository)}/manifests/{reference}")


@pytest.fixture
def ecr(client: Callable[..., Any]) -> Any:
    return client("ecr")


@pytest.fixture
def door(endpoint: str, account: str) -> Door:
    return Door(endpoint, f"{account}.dkr.ecr.us-east-1")


@pytest.fixture
def repository(make: Callable[..., str]) -> str:
    return make("team/app")


@pytest.fixture
def make(ecr: Any) -> Iterator[Callable[..., str]]:
    """Makes repositories, which go with the test."""
    made: list[str] = []

    def make(name: str, **options: Any) -> str:
        ecr.create_repository(repositoryName=name, **options)
        made.append(name)
        return name

    yield make
    for name in made:
        try:
            ecr.delete_repository(repositoryName=name, force=True)
        except ecr.exceptions.RepositoryNotFoundException:
            pass


@pytest.fixture
def refused() -> Callable[..., tuple[str, str]]:
    """Code and message of a call that must fail."""

    def refused(operation: Callable[..., Any], **params: Any) -> tuple[str, str]:
        client = operation.__self__  # type: ignore[attr-defined]
        with pytest.raises(client.exceptions.ClientError) as caught:
            operation(**params)
        answer = caught.value.response
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
        return answer["Error"]["Code"], answer["Error"]["Message"]

    return refused
