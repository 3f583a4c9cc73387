"""Zip deployment packages: from an uploaded zip to a read-only tree.

Owns: the directory of unpacked packages, `<root>/<sha256 of the zip>/`; its names are `Version.code`. Several of them
on top of each other are a stack, `<root>/layers-<sha256 of their names>/`: the name of what a function finds in /opt.
Where hot reload is used, the absolute path of a folder of the host stands for a name, and that folder for the tree.
Refuses: what `archive` refuses, and trees that could reach outside of themselves.

Rules:
- Every path is there once and every parent is a directory. So nothing can be written through a link: a link has no
  children. Links are made last.
- A link may go up only at the beginning of its target, to the package's root at most, and from there down by name. Its
  parents are real directories, so that going up is exact; going down may lead through other links, which keep the
  same rule. Thus no chain of links leaves the tree.
- Permission bits are kept and made readable; setuid, setgid and sticky are dropped; directories are 755.
- A tree appears complete or not at all: it is written beside its place, synced, then renamed. Once it is there, its
  name says what is in it, and unpacking again is free. Who can wait for it takes the second half later (`stage`, then
  `appear`): a stage that a crash leaves behind is nothing.
- A stack shares its files with the trees it is made of (hard links: nobody writes to them) and outlives them. A path of
  a later tree replaces what an earlier one has there, with all below it, unless both are directories. So the parents of
  a link are real directories in a stack as well, and the rule for links holds.

Synchronous and slow (disk, zlib): callers run it in a thread.
"""

import base64
import ctypes
import errno
import hashlib
import itertools
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from samovar.core.errors import AwsError
from samovar.engine.archive import NAME_LIMIT, Entry, bad_zip, contents, read

ZIPPED_LIMIT: Final = 52_428_800
NODE_LIMIT: Final = 100_000
"""Files, links and directories; the directories that names only imply count too."""

_UNFINISHED = ".unpacking-"
_STACK = "layers-"
_NO_MORE_LINKS = (errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP)
"""A file has as many names as its file system allows, or that doesn't have hard links: then a copy does."""
_SYNC_ALL_FROM = 64
"""Paths from which one syncfs (which may have to wait for others' data) is cheaper than an fsync for each."""


class Package(msgspec.Struct, frozen=True):
    sha256: str
    """Of the zip, hex: the tree's name and `Version.code`."""
    code_sha256: str
    """The same in base64: the API's CodeSha256."""
    code_size: int
    """Bytes of the zip."""
    path: Path


class Staged(msgspec.Struct, frozen=True):
    """A package whose tree is written, and neither durable nor in its place yet."""

    package: Package
    staging: str
    """Where it is; empty when it has been in its place already."""


def unpack(data: bytes, root: Path, limit: int = ZIPPED_LIMIT) -> Package:
    """Put the tree of the zip `data` under `root` if it isn't there yet. Raises AwsError for what AWS would refuse.

    `limit` is what the zip itself may have; what it unpacks to is limited in any case.
    """
    staged = stage(data, root, limit)
    appear(staged)
    return staged.package


def stage(data: bytes, root: Path, limit: int) -> Staged:
    """The first half of `unpack`: all that can be refused."""
    if len(data) > limit:
        raise AwsError(
            "RequestEntityTooLargeException", f"Zipped size must be smaller than {limit} bytes", Type="User"
        )
    digest = hashlib.sha256(data)
    name = digest.hexdigest()
    package = Package(name, base64.b64encode(digest.digest()).decode(), len(data), root / name)
    if package.path.is_dir():
        return Staged(package, "")
    entries = read(data)
    directories = _directories(entries)
    staging = _make_staging(package.path)
    try:
        _write(entries, directories, staging)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return Staged(package, staging)


def appear(staged: Staged) -> None:
    """The second half of `unpack`: sync what is staged, and put it in its place."""
    if staged.staging:
        with appearing(staged.package.path, staged.staging) as staging:
            _sync(staging, [staging, *(path for path in _nodes(staging) if not os.path.islink(path))])


def stack_name(trees: Sequence[str]) -> str:
    """The name of `trees` on top of each other: one is its own stack, and nothing has no name."""
    if len(trees) < 2:
        return "".join(trees)
    return _STACK + hashlib.sha256("\n".join(trees).encode()).hexdigest()


def stack(root: Path, trees: Sequence[str]) -> None:
    """Put the stack of `trees`, which are there, under `root` if it isn't there yet."""
    target = root / stack_name(trees)
    if target.is_dir():
        return
    with appearing(target) as staging:
        folders = [staging]
        for tree in trees:
            _lay(str(root / tree), staging, folders)
        _sync(staging, list(filter(_is_folder, folders)))


def is_folder(tree: str) -> bool:
    """Whether a tree's name is the path of a folder of the host's instead: hot reload."""
    return tree.startswith("/")


def unzipped_size(tree: Path) -> int:
    """Bytes of all files and links in a tree, as its zip announced them."""
    return sum(os.lstat(path).st_size for path in _nodes(str(tree)) if not _is_folder(path))


def remove(root: Path, keep: Set[str]) -> None:
    """Delete every tree that isn't in `keep`, and what a crash left behind. Not while anybody unpacks."""
    for name in os.listdir(root) if root.is_dir() else ():
        path = root / name
        if name in keep:
            continue
        if name.startswith(_UNFINISHED):
            shutil.rmtree(path)
        else:
            discard(path)


def discard(tree: Path) -> None:
    """Delete a tree."""
    # Renamed first: a crash half way must not leave half a tree under a name that promises all of it.
    shutil.rmtree(tree.rename(tempfile.mkdtemp(prefix=_UNFINISHED, dir=tree.parent)))


def _directories(entries: list[Entry]) -> list[str]:
    """The directories of the tree, parents first. Refuses a path given twice, and a file or link that has children."""
    directories, others = {""}, set[str]()
    for entry in entries:
        if entry.path in others:
            raise bad_zip()
        if entry.kind != stat.S_IFDIR:
            others.add(entry.path)
            directory = entry.path.rpartition("/")[0]
        else:
            directory = entry.path
        while directory not in directories:
            directories.add(directory)
            directory = directory.rpartition("/")[0]
        if len(directories) + len(others) > NODE_LIMIT:
            raise bad_zip()
    if directories & others:
        raise bad_zip()
    return sorted(directories - {""})


def _nodes(tree: str) -> Iterator[str]:
    """The paths of everything in a tree."""
    for folder, folders, others in os.walk(tree):
        for name in (*folders, *others):
            yield f"{folder}/{name}"


def _write(entries: list[Entry], directories: list[str], staging: str) -> None:
    for directory in directories:
        make_folder(f"{staging}/{directory}")
    for entry in entries:
        if entry.kind == stat.S_IFREG:
            _write_file(f"{staging}/{entry.path}", entry)
    for entry in entries:
        if entry.kind == stat.S_IFLNK:
            os.symlink(_link_target(entry), f"{staging}/{entry.path}")


def _lay(source: str, target: str, folders: list[str]) -> None:
    """Put what is in the directory `source` into `target`; adds to `folders` every directory that is made."""
    with os.scandir(source) as entries:
        for entry in entries:
            place = f"{target}/{entry.name}"
            folder = entry.is_dir(follow_symlinks=False)
            if not (folder and _is_folder(place)):
                _clear(place)
                if folder:
                    make_folder(place)
                    folders.append(place)
                else:
                    link(entry.path, place)
            if folder:
                _lay(entry.path, place, folders)


def _clear(place: str) -> None:
    if _is_folder(place):
        shutil.rmtree(place)
    elif os.path.lexists(place):
        os.unlink(place)


def link(source: str, place: str) -> None:
    """Another name of a file; a copy where there can't be one."""
    try:
        os.link(source, place, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_MORE_LINKS:
            raise
        shutil.copy2(source, place, follow_symlinks=False)


def _is_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def make_folder(path: str) -> None:
    os.mkdir(path)
    os.chmod(path, 0o755)  # mkdir's mode is subject to the umask


def _make_staging(target: Path) -> str:
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = tempfile.mkdtemp(prefix=_UNFINISHED, dir=target.parent)
    os.chmod(staging, 0o755)
    return staging


@contextmanager
def appearing(target: Path, staging: str = "") -> Iterator[str]:
    """A directory to write to (`staging`, if it has been written to already), which then becomes `target`; the caller
    syncs what is in it."""
    staging = staging or _make_staging(target)
    try:
        yield staging
        os.rename(staging, target)
        _sync(str(target.parent), [str(target.parent)])
    except OSError as error:
        # Somebody else has put the same tree there meanwhile.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or not target.is_dir():
            raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)  # nothing there any more when all went well


def _write_file(path: str, entry: Entry) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "wb", buffering=0) as file:
        for piece in contents(entry):
            rest = memoryview(piece)
            while rest:
                rest = rest[file.write(rest) :]
        os.fchmod(descriptor, entry.permissions)


def _link_target(entry: Entry) -> str:
    """Where the link points; refuses what could lead out of the package (the module's rules say why this suffices)."""
    if entry.size > NAME_LIMIT:
        raise bad_zip()
    try:
        target = b"".join(contents(entry)).decode()
    except UnicodeDecodeError:
        raise bad_zip() from None
    parts = [part for part in target.split("/") if part not in ("", ".")]
    down = list(itertools.dropwhile("..".__eq__, parts))
    depth = entry.path.count("/")
    if not target or target.startswith("/") or "\0" in target or ".." in down or len(parts) - len(down) > depth:
        raise bad_zip()
    return target


def _sync(directory: str, paths: list[str]) -> None:
    """Make `paths`, all in `directory`'s file system, durable."""
    if len(paths) > _SYNC_ALL_FROM:
        sync_all(directory)
        return
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_all(directory: str) -> None:
    """Make everything durable in `directory`'s file system."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            raise OSError(ctypes.get_errno(), "syncfs", directory)
    finally:
        os.close(descriptor)


def is_file(path: Path) -> bool:
    """Whether it is a file, seen from here."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False  # a link to what isn't there, or is only inside the environment
    return stat.S_ISREG(mode)
