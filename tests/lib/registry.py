"""A repository of images on a running platform, pushed to as docker's clients do."""

import http.client
import itertools
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from images import MANIFEST, Image, digest

REGION = "us-east-1"
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
