"""Container images, as the registry and whoever runs them speak of them: names, manifests, bytes.

Owns: what an image URI means, what a manifest names, and the port to the bytes of layers (`app` binds it to ECR). Pure.
Source: the OCI image and distribution specifications; the names of ECR's registries.
"""

from typing import Any, BinaryIO, Protocol

import msgspec

from samovar.core.expressions import expression

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})

REPOSITORY = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
TAG = r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}"
DIGEST = r"sha256:[a-f0-9]{64}"
_REGISTRY = r"(?P<{0}account>[0-9]{{12}})\.dkr\.ecr(?:-fips)?\.(?P<{0}region>[a-z0-9-]+)"
_OF_HOST = expression(rf"{_REGISTRY.format('')}\.(?:amazonaws\.com(?:\.cn)?|localhost)(?::\d+)?")
_OF_PATH = expression(_REGISTRY.format(""))
_HERE = expression(r"(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?|[^/:]+:\d+")
_REST = expression(rf"(?P<name>{REPOSITORY})(?::(?P<tag>{TAG}))?(?:@(?P<digest>{DIGEST}))?")
_DIGEST = expression(DIGEST)


class ImageName(msgspec.Struct, frozen=True):
    """Which image, of which registry."""

    account: str
    region: str
    repository: str
    tag: str = ""
    digest: str = ""


def registry_of_host(host: str) -> tuple[str, str] | None:
    """(account, region) of the registry that a host name, with or without a port, is the name of."""
    match = _OF_HOST.fullmatch(host)
    return (match["account"], match["region"]) if match else None


def registry_of_path(path: str) -> tuple[str, str, str] | None:
    """(account, region, the rest) of `ACCOUNT.dkr.ecr.REGION/NAME`: for clients that can't resolve such hosts."""
    first, slash, rest = path.partition("/")
    match = _OF_PATH.fullmatch(first) if slash else None
    return (match["account"], match["region"], rest) if match else None


def parse_uri(uri: str, account: str, region: str) -> ImageName | None:
    """The image that a URI names; None where that is no registry of this platform's.

    `HOST/NAME[:TAG][@DIGEST]`, where HOST is `ACCOUNT.dkr.ecr.REGION.amazonaws.com`, the same below `.localhost:PORT`,
    or the platform's own address. Behind that, NAME may begin with `ACCOUNT.dkr.ecr.REGION/`; if it doesn't, the
    registry of `account` in `region` is meant.
    """
    host, slash, path = uri.partition("/")
    found = registry_of_host(host)
    if found is None:
        if not slash or not _HERE.fullmatch(host):
            return None
        below = registry_of_path(path)
        found, path = ((below[0], below[1]), below[2]) if below else ((account, region), path)
    rest = _REST.fullmatch(path)
    if rest is None:
        return None
    return ImageName(*found, rest["name"], rest["tag"] or "", rest["digest"] or "")


class Blob(msgspec.Struct, frozen=True):
    """A layer, a configuration or another manifest, as a manifest names it."""

    digest: str
    size: int
    media_type: str
    platform: dict[str, Any] = {}
    """Of an image in an index."""
    elsewhere: bool = False
    """It may be missing here: the manifest says where else it is."""


class Manifest(msgspec.Struct, frozen=True):
    media_type: str
    config: Blob | None = None
    """None for an index."""
    layers: tuple[Blob, ...] = ()
    """Lowest first."""
    images: tuple[Blob, ...] = ()
    """Of an index."""
    subject: str = ""
    """The digest of the manifest that this one is about."""
    artifact_type: str = ""
    annotations: dict[str, str] = {}

    @property
    def blobs(self) -> tuple[Blob, ...]:
        return (*([self.config] if self.config else ()), *self.layers)


class BadManifest(ValueError):
    """The message says what is wrong with it."""


def read_manifest(text: bytes, media_type: str = "") -> Manifest:
    """`media_type`: as whoever brought it says. Raises BadManifest."""
    try:
        content = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadManifest("Invalid JSON syntax") from None
    if not isinstance(content, dict) or content.get("schemaVersion") != 2:
        raise BadManifest("only manifests of schema version 2 are supported")
    inside = content.get("mediaType") or ""
    if inside and media_type and inside != media_type:
        raise BadManifest(f"the media type in the manifest is {inside}, and {media_type} was said")
    kind = inside or media_type or (OCI_INDEX if "manifests" in content else OCI_MANIFEST)
    subject = content.get("subject")
    about = _blob(subject, "subject").digest if subject is not None else ""
    notes = content.get("annotations") or {}
    if not isinstance(notes, dict) or not all(isinstance(value, str) for value in notes.values()):
        raise BadManifest("annotations must be strings")
    if kind in INDEXES:
        images = tuple(_blob(each, "manifests") for each in _list(content, "manifests"))
        return Manifest(kind, None, (), images, about, content.get("artifactType") or "", notes)
    if kind not in MANIFESTS:
        raise BadManifest(f"the media type {kind} is not supported")
    config = _blob(content.get("config"), "config")
    layers = tuple(_blob(each, "layers") for each in _list(content, "layers"))
    return Manifest(kind, config, layers, (), about, content.get("artifactType") or config.media_type, notes)


def _list(content: dict[str, Any], name: str) -> list[Any]:
    found = content.get(name)
    if not isinstance(found, list):
        raise BadManifest(f"{name} must be a list")
    return found


def _blob(value: Any, name: str) -> Blob:
    if not isinstance(value, dict):
        raise BadManifest(f"{name} must describe what it names")
    digest, size, kind = value.get("digest"), value.get("size"), value.get("mediaType", "")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise BadManifest(f"a digest in {name} is not a sha256 digest")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 2**63 or not isinstance(kind, str):
        raise BadManifest(f"size and mediaType in {name} must be a number and a string")
    platform = value.get("platform")
    return Blob(digest, size, kind, platform if isinstance(platform, dict) else {}, bool(value.get("urls")))


class ImageBytes(Protocol):
    """The port to the bytes of a registry's layers."""

    async def open(self, account: str, region: str, repository: str, digest: str) -> BinaryIO | None:
        """A file open for reading, whole and durable, that nobody changes; None where the repository has no such layer.

        What is open can be read to its end, also when the image goes meanwhile. Whoever opens it closes it.
        """
        ...
