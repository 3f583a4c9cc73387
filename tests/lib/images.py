"""Container images made by hand: layers as tar archives, a config, a manifest, an index."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


class Member:
    """An entry of a layer's tar."""

    def __init__(
        self, name: str, content: bytes = b"", mode: int = 0o644, kind: bytes = tarfile.REGTYPE, target: str = ""
    ) -> None:
        self.info = tarfile.TarInfo(name)
        self.info.size = len(content)
        self.info.mode = mode
        self.info.type = kind
        self.info.linkname = target
        self.info.mtime = 1_600_000_000
        self.content = content


def folder(name: str, mode: int = 0o755) -> Member:
    return Member(name, mode=mode, kind=tarfile.DIRTYPE)


def link(name: str, target: str) -> Member:
    return Member(name, kind=tarfile.SYMTYPE, target=target)


def hard_link(name: str, target: str) -> Member:
    return Member(name, kind=tarfile.LNKTYPE, target=target)


def layer(*members: Member, format: int = tarfile.PAX_FORMAT) -> bytes:
    """An uncompressed tar."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=format) as tar:
        for member in members:
            tar.addfile(member.info, io.BytesIO(member.content))
    return made.getvalue()


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Image:
    """The blobs of an image by their digests, and its manifest."""

    def __init__(
        self, *layers: bytes, start: Mapping[str, object] = {}, architecture: str = "amd64", zipped: bool = True
    ) -> None:
        """`layers`: uncompressed. `start`: the config's `config`."""
        self.diff_ids = [digest(each) for each in layers]
        packed = [_packed(each) if zipped else each for each in layers]
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": start,
            "rootfs": {"type": "layers", "diff_ids": self.diff_ids},
        }
        self.config = json.dumps(config).encode()
        self.layers = [digest(each) for each in packed]
        self.blobs = dict(zip(self.layers, packed, strict=True)) | {digest(self.config): self.config}
        described = [_descriptor(LAYER + "+gzip" * zipped, each) for each in packed]
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(CONFIG, self.config),
            "layers": described,
        }
        self.manifest = json.dumps(manifest).encode()
        self.architecture = architecture

    @property
    def digest(self) -> str:
        return digest(self.manifest)

    def save(self, folder: Path) -> None:
        """Put the blobs into a folder, by the hex digits of their digests."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in self.blobs.items():
            (folder / name.removeprefix("sha256:")).write_bytes(data)


@cache
def _packed(layer: bytes) -> bytes:
    return gzip.compress(layer, 1, mtime=0)


def index(images: Sequence[Image]) -> bytes:
    """An index of images for several architectures."""
    manifests = [
        _descriptor(MANIFEST, image.manifest) | {"platform": {"architecture": image.architecture, "os": "linux"}}
        for image in images
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).encode()


def _descriptor(media_type: str, data: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}
