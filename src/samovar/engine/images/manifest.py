"""What an image's manifest, index and config say that a function needs. Pure.

Owns: Image, Settings, and which media types are taken. Refuses, with `Unsupported`, other kinds of manifests, configs
and layers (AWS takes none compressed with zstd either), and with `BadImage` what contradicts itself.
Source: OCI image specification 1.1, manifest.md, image-index.md, config.md; Docker's schema 2 has the same shape.
"""

import re
from typing import Final, TypeVar

import msgspec

from samovar.engine.images.tar import BadImage

INDEXES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_CONFIGS = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
_LAYERS = {
    "application/vnd.oci.image.layer.v1.tar": False,
    "application/vnd.oci.image.layer.v1.tar+gzip": True,
    "application/vnd.docker.image.rootfs.diff.tar": False,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": True,
}
"""Media type -> whether it is compressed."""
SETTINGS_LIMIT: Final = 16 << 10
"""Bytes of what an image says of its start (facts/lambda-limits.md §1)."""
LAYERS_LIMIT: Final = 127
"""As many as Docker's own drivers take."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_T = TypeVar("_T")
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "arm64"}


class Unsupported(Exception):
    """A manifest, config or layer of a kind that isn't taken."""


class _Platform(msgspec.Struct):
    architecture: str = ""
    os: str = ""


class Descriptor(msgspec.Struct, rename="camel"):
    media_type: str
    digest: str
    size: int
    platform: _Platform | None = None


class _Manifest(msgspec.Struct, rename="camel"):
    config: Descriptor
    layers: list[Descriptor]


class _Index(msgspec.Struct):
    manifests: list[Descriptor]


class _RootFs(msgspec.Struct):
    diff_ids: list[str]


class _Start(msgspec.Struct, rename="pascal"):
    entrypoint: list[str] | None = None
    cmd: list[str] | None = None
    env: list[str] | None = None
    working_dir: str | None = None


class _Config(msgspec.Struct):
    rootfs: _RootFs
    architecture: str = ""
    os: str = ""
    config: _Start | None = None


class Settings(msgspec.Struct, frozen=True):
    """How an image starts."""

    entry_point: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    working_directory: str = "/"
    variables: dict[str, str] = {}


class Blob(msgspec.Struct, frozen=True):
    """A layer as the manifest names it."""

    digest: str
    compressed: bool
    diff_id: str


class Image(msgspec.Struct, frozen=True):
    layers: tuple[Blob, ...]
    settings: Settings
    architecture: str
    """In Lambda's words."""

    @property
    def diff_ids(self) -> list[str]:
        return [layer.diff_id for layer in self.layers]


def chosen(index: bytes, architecture: str) -> Descriptor:
    """The manifest in an index that is for Linux on this architecture (Lambda's word)."""
    for each in _decoded(index, _Index).manifests:
        platform = each.platform
        if platform and platform.os == "linux" and _ARCHITECTURES.get(platform.architecture) == architecture:
            if each.media_type not in MANIFESTS or not _DIGEST.fullmatch(each.digest):
                raise Unsupported
            return each
    raise BadImage(f"its index has no image for linux on {architecture}")


def config_digest(manifest: bytes) -> str:
    """The blob that is to be given to `read` as config."""
    config = _decoded(manifest, _Manifest).config
    if config.media_type not in _CONFIGS or not _DIGEST.fullmatch(config.digest):
        raise Unsupported
    return config.digest


def read(manifest: bytes, config: bytes) -> Image:
    described, found = _decoded(manifest, _Manifest), _decoded(config, _Config)
    diff_ids = found.rootfs.diff_ids
    if any(layer.media_type not in _LAYERS for layer in described.layers):
        raise Unsupported
    if len(diff_ids) != len(described.layers):
        raise BadImage("its config and its manifest name different layers")
    if not 0 < len(diff_ids) <= LAYERS_LIMIT:
        raise BadImage(f"it has no layer or more than {LAYERS_LIMIT}")
    if not all(map(_DIGEST.fullmatch, [*diff_ids, *(layer.digest for layer in described.layers)])):
        raise Unsupported
    if found.os not in ("", "linux"):
        raise BadImage(f"it is for {found.os[:64]}, not for linux")
    layers = tuple(
        Blob(layer.digest, _LAYERS[layer.media_type], diff_id)
        for layer, diff_id in zip(described.layers, diff_ids, strict=True)
    )
    architecture = _ARCHITECTURES.get(found.architecture, found.architecture[:64])
    return Image(layers, _settings(found.config or _Start()), architecture)


def _settings(start: _Start) -> Settings:
    if len(msgspec.json.encode(start)) > SETTINGS_LIMIT:
        raise BadImage(f"its settings exceed {SETTINGS_LIMIT} bytes")
    texts = [*(start.entrypoint or ()), *(start.cmd or ()), *(start.env or ()), start.working_dir or ""]
    if any("\0" in text for text in texts):
        raise BadImage("its settings have a NUL character")
    variables = {"PATH": _PATH}
    for each in start.env or ():
        name, equals, value = each.partition("=")
        if name and equals:
            variables[name] = value
    return Settings(
        tuple(start.entrypoint or ()), tuple(start.cmd or ()), f"/{(start.working_dir or '').lstrip('/')}", variables
    )


def _decoded(data: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        raise Unsupported from None
