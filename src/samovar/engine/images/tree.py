"""From the layers of an image to the read-only root of its functions.

Owns: the directory of unpacked images, `<root>/<name>/`, where a name stands for a chain of layers: images that have
the same layers share a tree, whatever they are called and however they start.
Refuses, with `BadImage`: what `tar` refuses, layers that aren't what the image's config says (their digests), links to
files that aren't there, parents that are no directories.

Rules (OCI image specification, "Image Layer Filesystem Changeset"; containerd's reading where it says nothing):
- Nothing is written, removed or looked at outside of the tree. A link in the parents of a path is followed as it would
  be with the tree as root; the last part of a path never is.
- A whiteout hides what earlier layers have, never what its own layer brings.
- Devices, pipes, setuid, setgid, sticky, owners and extended attributes stay behind. The function's user is another
  than any image knows: what its owner may read or run, everybody may. Times are kept: compiled Python is checked by
  them.
- The mount points that an environment needs are made in the tree, as it is read-only later.
- A tree appears complete or not at all: it is written beside its place, synced, then renamed.

Synchronous and slow: callers run it in a thread, and end it by its budget's `cancelled`.
"""

import errno
import gzip
import hashlib
import os
import shutil
import stat
import zlib
from collections.abc import Sequence, Set
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec

from samovar.engine import package
from samovar.engine.images.tar import BadImage, Budget, Entry, Stream, Tar

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_KEPT_FOR_ITSELF = ".wh..wh."
_LINKS_LIMIT = 40
"""As many as Linux follows."""
_MOUNT_POINTS: Final = ("dev", "proc", "tmp", "mnt")
_FOLDERS: Final = ("etc", "var/task", "opt")
_FILES: Final = ("hosts", "resolv.conf")
"""In /etc."""
_CERTIFICATES: Final = "var/runtime/ca-certs"
"""What programs trust, where an image leaves room for that (`engine/trust`)."""
_UNREADABLE = (gzip.BadGzipFile, zlib.error, EOFError)
_TOO_MUCH = (errno.ENAMETOOLONG, errno.EMLINK, errno.ELOOP)


class Layer(msgspec.Struct, frozen=True):
    file: BinaryIO
    """Its blob, open at the beginning; whoever opened it closes it."""
    compressed: bool
    """By gzip."""
    diff_id: str
    """`sha256:...` of the tar in it."""


def name(diff_ids: Sequence[str]) -> str:
    """Of the tree that these layers make."""
    return hashlib.sha256("\n".join(diff_ids).encode()).hexdigest()


def unpack(layers: Sequence[Layer], root: Path, budget: Budget) -> None:
    """Put the tree of `layers` under `root` if it isn't there yet. Raises BadImage, OSError."""
    target = root / name([layer.diff_id for layer in layers])
    if target.is_dir():
        return
    with package.appearing(target) as staging:
        try:
            for layer in layers:
                _apply(layer, staging, budget)
            _furnish(staging)
        except OSError as error:
            if error.errno in _TOO_MUCH:
                raise BadImage(f"its files can't be written: {error.strerror}") from error
            raise
        package.sync_all(staging)


def has_certificates(root: Path, name: str) -> bool:
    """Whether a tree has the mount point for them: some are older than that, or have something else there."""
    found = _Place(str(root / name)).of(_CERTIFICATES)
    return found is not None and _is_folder(found)


def remove(root: Path, names: Set[str]) -> None:
    """Delete these trees."""
    for each in names:
        if (root / each).is_dir():
            package.discard(root / each)


def sweep(root: Path, keep: Set[str]) -> None:
    """Delete all other trees, and what a crash left behind. Not while anybody unpacks."""
    package.remove(root, keep)


def extensions(tree: Path) -> list[str]:
    """The names of the files directly in /opt/extensions of an image's tree."""
    where = _Place(str(tree))
    folder = where.of("opt/extensions")
    if folder is None or not stat.S_ISDIR(os.lstat(folder).st_mode):
        return []
    found = []
    for each in sorted(os.listdir(folder)):
        real = where.of(f"opt/extensions/{each}")
        if real is not None and stat.S_ISREG(os.lstat(real).st_mode):
            found.append(each)
    return found


def _apply(layer: Layer, staging: str, budget: Budget) -> None:
    stream: Stream = layer.file
    if layer.compressed:
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=layer.file))
    tar = Tar(stream, budget)
    changes = _Changeset(staging)
    try:
        for entry in tar.entries():
            changes.take(entry, tar)
        digest = tar.digest()
    except _UNREADABLE:
        raise BadImage("a layer is damaged: it can't be decompressed") from None
    if digest != layer.diff_id:
        raise BadImage(f"a layer isn't what the image's config says: {digest} instead of {layer.diff_id}")


class _Place:
    """Paths of a tree that isn't anybody's root yet, and where they lead as if it were."""

    def __init__(self, tree: str) -> None:
        self.tree = tree

    def of(self, path: str, *, make: bool = False, follow: bool = True) -> str | None:
        """The real place of a path, all links followed inside the tree; None where nothing is there. `make`:
        directories that are missing. `follow`: also a link at its end."""
        real, parts, links = self.tree, list(reversed(path.split("/"))) if path else [], 0
        while parts:
            part = parts.pop()
            if part in ("", "."):
                continue
            if part == "..":
                real = real if real == self.tree else os.path.dirname(real)
                continue
            place = f"{real}/{part}"
            try:
                mode = os.lstat(place).st_mode
            except (FileNotFoundError, NotADirectoryError):
                if not make:
                    return None
                package.make_folder(place)
                mode = stat.S_IFDIR
            if stat.S_ISLNK(mode) and (parts or follow):
                links += 1
                if links > _LINKS_LIMIT:
                    raise BadImage("a layer has links that lead in a circle")
                target = os.readlink(place)
                if target.startswith("/"):
                    real = self.tree
                parts += reversed(target.split("/"))
                continue
            if parts and not stat.S_ISDIR(mode):
                return None
            real = place
        return real


class _Changeset:
    """One layer on its way into the tree."""

    def __init__(self, tree: str) -> None:
        self._tree = tree
        self._place = _Place(tree)
        self._brought: set[str] = {tree}
        """Real paths that this layer has made or named, and their parents."""
        self._renewed: set[str] = set()
        """Directories in which nothing of earlier layers is left."""
        self._parents: dict[str, str] = {"": tree}
        """Where directories of entries are; forgotten whenever one may have moved."""

    def take(self, entry: Entry, tar: Tar) -> None:
        parent, _, base = entry.path.rpartition("/")
        if not base:
            return  # the root itself
        folder = self._folder(parent)
        if base.startswith(_WHITEOUT):
            self._hide(folder, base)
            return
        place = f"{folder}/{base}"
        if entry.kind == stat.S_IFDIR:
            self._make_folder(place)
        elif entry.kind == stat.S_IFREG:
            self._clear(place)
            _write(place, entry, tar)
        elif entry.kind == stat.S_IFLNK:
            self._clear(place)
            _link(place, entry)
        elif entry.kind == 0:
            self._link_to_file(place, entry)
        else:
            return  # a device or a pipe
        self._brought.add(place)

    def _folder(self, path: str) -> str:
        """The real directory at a path; made where it is missing."""
        known = self._parents.get(path)
        if known is None:
            known = self._place.of(path, make=True)
            if known is None or not stat.S_ISDIR(os.lstat(known).st_mode):
                raise BadImage(f"a layer has a file below what is no directory: {path[:200]!r}")
            self._parents[path] = known
            above = known
            while above not in self._brought:
                self._brought.add(above)
                above = os.path.dirname(above)
        return known

    def _hide(self, folder: str, base: str) -> None:
        if base == _OPAQUE:
            self._remove_old(folder)
        elif not base.startswith(_KEPT_FOR_ITSELF):
            hidden = base.removeprefix(_WHITEOUT)
            if hidden in ("", ".", ".."):
                raise BadImage(f"a layer has a whiteout of nothing: {base!r}")
            self._remove_old(f"{folder}/{hidden}")

    def _remove_old(self, place: str) -> None:
        """Remove what earlier layers have at a place; what this one has brought stays, in directories as well."""
        if place not in self._brought:
            self._clear(place)
        elif place not in self._renewed and _is_folder(place):
            self._renewed.add(place)
            for each in os.listdir(place):
                self._remove_old(f"{place}/{each}")

    def _make_folder(self, place: str) -> None:
        if not _is_folder(place):
            self._clear(place)
            package.make_folder(place)

    def _clear(self, place: str) -> None:
        try:
            mode = os.lstat(place).st_mode
        except FileNotFoundError:
            return
        if stat.S_ISDIR(mode):
            if place in self._brought:
                raise BadImage("a layer has a directory and something else in the same place")
            shutil.rmtree(place)
        else:
            os.unlink(place)
        if not stat.S_ISREG(mode):
            self._parents = {"": self._tree}

    def _link_to_file(self, place: str, entry: Entry) -> None:
        source = self._place.of(entry.target, follow=False)
        if source is None or not stat.S_ISREG(os.lstat(source).st_mode):
            raise BadImage(f"a layer has a link to a file that isn't there: {entry.target[:200]!r}")
        if source == place:
            return
        self._clear(place)
        package.link(source, place)


def _write(place: str, entry: Entry, tar: Tar) -> None:
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb", buffering=0) as file:
        for piece in tar.contents():
            rest = memoryview(piece)
            while rest:
                rest = rest[file.write(rest) :]
        os.fchmod(descriptor, entry.permissions | 0o444 | (0o111 if entry.permissions & 0o100 else 0))
    os.utime(place, (entry.modified_s, entry.modified_s))


def _link(place: str, entry: Entry) -> None:
    if not entry.target or "\0" in entry.target:
        raise BadImage("a layer has a link to nowhere")
    os.symlink(entry.target, place)


def _furnish(tree: str) -> None:
    """Make what an environment mounts over, whatever the image has in its place."""
    place = _Place(tree)
    for path in _MOUNT_POINTS:
        target = f"{tree}/{path}"
        if not _is_folder(target):
            if os.path.lexists(target):
                os.unlink(target)
            package.make_folder(target)
    for path in _FOLDERS:
        found = place.of(path, make=True)
        if found is None or not _is_folder(found):
            raise BadImage(f"/{path} is no directory")
    place.of(_CERTIFICATES, make=True)
    etc = place.of("etc")
    for path in _FILES:
        target = f"{etc}/{path}"
        if os.path.islink(target):
            os.unlink(target)
        elif _is_folder(target):
            shutil.rmtree(target)
        with open(target, "a"):
            os.chmod(target, 0o644)


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)
