"""What an image's manifest and config say that a function needs. Pure.

Owns: Image, Settings, and which media types are taken. Refuses, with `Unsupported`, other configs and layers (AWS takes
none compressed with zstd either), and with `BadImage` what contradicts itself.
Source: OCI image specification 1.1, config.md; Docker's configs have the same shape.
"""

from typing import Final

import msgspec

from samovar.core.expressions import expression
from samovar.core.images import DIGEST, MANIFESTS, Manifest
from samovar.engine.images.tar import BadImage

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
_DIGEST = expression(DIGEST)
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "arm64"}


class Unsupported(Exception):
    """A manifest, config or layer of a kind that isn't taken."""


class _RootFs(msgspec.Struct):
    diff_ids: list[str]


class _Start(msgspec.Struct):
    entry_point: list[str] | None = msgspec.field(default=None, name="Entrypoint")
    command: list[str] | None = msgspec.field(default=None, name="Cmd")
    variables: list[str] | None = msgspec.field(default=None, name="Env")
    working_directory: str | None = msgspec.field(default=None, name="WorkingDir")


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


class Content(msgspec.Struct, frozen=True):
    """A layer: the blob, and what is in it."""

    digest: str
    compressed: bool
    diff_id: str


class Image(msgspec.Struct, frozen=True):
    layers: tuple[Content, ...]
    settings: Settings
    architecture: str
    """In Lambda's words, where it has one."""


def chosen(index: Manifest, architecture: str) -> str:
    """The digest of the image in an index that is for Linux on this architecture (Lambda's word)."""
    for each in index.images:
        named = _ARCHITECTURES.get(str(each.platform.get("architecture")))
        if named == architecture and each.platform.get("os") == "linux" and each.media_type in MANIFESTS:
            return each.digest
    raise BadImage(f"its index has no image for linux on {architecture}")


def config_digest(manifest: Manifest) -> str:
    """The blob that is to be given to `read`."""
    if manifest.config is None or manifest.config.media_type not in _CONFIGS:
        raise Unsupported
    return manifest.config.digest


def read(manifest: Manifest, config: bytes) -> Image:
    if any(layer.media_type not in _LAYERS for layer in manifest.layers):
        raise Unsupported
    try:
        found = msgspec.json.decode(config, type=_Config)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadImage("its config can't be read") from None
    diff_ids = found.rootfs.diff_ids
    if len(diff_ids) != len(manifest.layers) or not all(map(_DIGEST.fullmatch, diff_ids)):
        raise BadImage("its config and its manifest name different layers")
    if not 0 < len(diff_ids) <= LAYERS_LIMIT:
        raise BadImage(f"it has no layers, or more than {LAYERS_LIMIT}")
    if found.os not in ("", "linux"):
        raise BadImage(f"it is for {found.os[:64]}, not for linux")
    layers = tuple(
        Content(layer.digest, _LAYERS[layer.media_type], diff_id)
        for layer, diff_id in zip(manifest.layers, diff_ids, strict=True)
    )
    architecture = _ARCHITECTURES.get(found.architecture, found.architecture[:64])
    return Image(layers, _settings(found.config or _Start()), architecture)


def _settings(start: _Start) -> Settings:
    if len(msgspec.json.encode(start)) > SETTINGS_LIMIT:
        raise BadImage(f"its settings exceed {SETTINGS_LIMIT} bytes")
    entry_point, command = tuple(start.entry_point or ()), tuple(start.command or ())
    directory = f"/{(start.working_directory or '').lstrip('/')}"
    variables = {"PATH": _PATH}
    for each in start.variables or ():
        name, equals, value = each.partition("=")
        if name and equals:
            variables[name] = value
    if any("\0" in text for text in (*entry_point, *command, directory, *variables, *variables.values())):
        raise BadImage("its settings have a NUL character")
    return Settings(entry_point, command, directory, variables)
