"""The door of registries of container images: which requests are for one, and how they are taken in.

Owns: the paths of the distribution specification below `/v2/`. Refuses: what a registry does with a request
(`services/ecr`), which need not be there to know that it is for one.
"""

from collections.abc import Mapping
from typing import Final

from samovar.core.expressions import expression
from samovar.core.images import registry_of_host
from samovar.net.message import Streamed

PATH: Final = expression(
    r"/v2/(?P<name>.+)/(?:manifests/(?P<manifest>[^/]+)|blobs/uploads/(?P<upload>[^/]*)|blobs/(?P<blob>[^/]+)"
    r"|tags/(?P<tags>list)|referrers/(?P<referrers>[^/]+))"
)
LARGEST_MANIFEST: Final = 4 * 1024 * 1024
"""Bytes, as ECR's API takes them."""
_ADMITTED: Final = Streamed(LARGEST_MANIFEST)


def admit(method: str, path: str, headers: Mapping[str, str]) -> Streamed:
    """Bodies are taken as they arrive, whatever their size."""
    return _ADMITTED


def claims(host: str, path: str) -> bool:
    """Whether a request is for a registry: by its path, whatever host it is at, or by a registry's host name."""
    if not path.startswith("/v2"):
        return False
    if path in ("/v2/", "/v2", "/v2/_catalog") or PATH.fullmatch(path) is not None:
        return True
    return (path + "/").startswith("/v2/") and registry_of_host(host) is not None
