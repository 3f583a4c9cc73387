"""Folders that are watched with all below them: which have changed since the last look. Linux's inotify, by ctypes.

Owns: the watches of one inotify instance. `changed` asks the kernel for what has happened *until now*: whoever saved a
file before calling it is heard of. Refuses: what the changes were.

What editors and interpreters leave beside the files is no change: compiled modules, swap and backup files. A folder
that is gone, or isn't there yet, is looked for again at each look.
"""

import ctypes
import errno
import logging
import os
import struct

from samovar.core.expressions import expression

log = logging.getLogger("samovar.engine")

_IN_ATTRIB, _IN_CLOSE_WRITE, _IN_MOVED, _IN_CREATE, _IN_DELETE = 0x4, 0x8, 0x40 | 0x80, 0x100, 0x200
_IN_DELETE_SELF, _IN_MOVE_SELF, _IN_Q_OVERFLOW, _IN_IGNORED, _IN_ISDIR = 0x400, 0x800, 0x4000, 0x8000, 0x40000000
_IN_ONLYDIR, _IN_DONT_FOLLOW = 0x01000000, 0x02000000
_WATCHED = _IN_ATTRIB | _IN_CLOSE_WRITE | _IN_MOVED | _IN_CREATE | _IN_DELETE | _IN_DELETE_SELF | _IN_MOVE_SELF
_EVENT = struct.Struct("iIII")
_READ = 1 << 16
_MOST_FOLDERS = 50_000
_IGNORED_FOLDERS = frozenset((".git", ".hg", ".idea", ".mypy_cache", ".pytest_cache", ".ruff_cache", "__pycache__"))
_IGNORED_FILES = expression(r".*\.(?:pyc|sw[a-z]|tmp)|.*~|\.#.*|#.*#|4913|\.goutputstream-.*|.*___jb_\w+___")
"""Beside swap and backup files: what Vim, GNOME's and JetBrains's editors make for a moment when they save."""


class Inotify:
    """See the module. `fd` becomes readable when something has happened."""

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._add, self._remove = libc.inotify_add_watch, libc.inotify_rm_watch
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self._places: dict[int, tuple[str, str]] = {}
        """By watch: the folder that was asked for, and the one below it that the watch is on."""
        self._roots: dict[str, tuple[int, int] | None] = {}
        """Folder that was asked for -> the identity of what was there, None when nothing was."""
        self._full = False

    def close(self) -> None:
        os.close(self.fd)

    def watch(self, root: str) -> None:
        if root not in self._roots:
            self._roots[root] = _identity(root)
            self._watch_below(root, root)

    def unwatch(self, root: str) -> None:
        if self._roots.pop(root, None) is None:
            return
        for watch in [watch for watch, (of, _) in self._places.items() if of == root]:
            del self._places[watch]
            self._remove(self.fd, watch)

    def changed(self) -> set[str]:
        """The watched folders in which something has changed since the last call."""
        found: set[str] = set()
        while data := self._read():
            at = 0
            while at < len(data):
                watch, mask, _, length = _EVENT.unpack_from(data, at)
                at += _EVENT.size + length
                name = data[at - length : at].rstrip(b"\0").decode(errors="surrogateescape")
                found |= self._heard(watch, mask, name)
        for root, known in self._roots.items():
            now = _identity(root)
            if now != known:  # it has come, gone, or another one is in its place
                self._roots[root] = now
                found.add(root)
                self._watch_below(root, root)
        return found

    def _read(self) -> bytes:
        try:
            return os.read(self.fd, _READ)
        except BlockingIOError:
            return b""

    def _heard(self, watch: int, mask: int, name: str) -> set[str]:
        if mask & _IN_Q_OVERFLOW:
            for root in self._roots:
                self._watch_below(root, root)
            return set(self._roots)
        if mask & _IN_IGNORED:
            self._places.pop(watch, None)
            return set()
        if watch not in self._places:
            return set()
        root, folder = self._places[watch]
        if name in _IGNORED_FOLDERS or _IGNORED_FILES.fullmatch(name):
            return set()
        if mask & _IN_ISDIR and mask & _IN_ATTRIB and not name:
            return set()  # the folder itself: its time changes with what is in it
        if mask & _IN_ISDIR and mask & (_IN_CREATE | _IN_MOVED):
            self._watch_below(root, f"{folder}/{name}")
        return {root}

    def _watch_below(self, root: str, top: str) -> None:
        folders = [top]
        while folders and len(self._places) < _MOST_FOLDERS:
            folder = folders.pop()
            if not self._watch_one(root, folder):
                continue
            try:
                with os.scandir(folder) as entries:
                    folders += [
                        entry.path
                        for entry in entries
                        if entry.is_dir(follow_symlinks=False) and entry.name not in _IGNORED_FOLDERS
                    ]
            except OSError:
                continue  # gone, or closed to us: then the function can't read it either
        if folders:
            self._say_full(root)

    def _watch_one(self, root: str, folder: str) -> bool:
        flags = _WATCHED | _IN_ONLYDIR | (0 if folder == root else _IN_DONT_FOLLOW)
        watch = self._add(self.fd, os.fsencode(folder), flags)
        if watch >= 0:
            self._places[watch] = (root, folder)
        elif ctypes.get_errno() == errno.ENOSPC:
            self._say_full(root)
        return bool(watch >= 0)

    def _say_full(self, root: str) -> None:
        if not self._full:
            self._full = True
            log.warning(
                "%s has more folders than can be watched: some changes won't be noticed. "
                "fs.inotify.max_user_watches is the limit (sysctl), or leave folders out.",
                root,
            )


def _identity(root: str) -> tuple[int, int] | None:
    try:
        found = os.stat(root)
    except OSError:
        return None
    return found.st_dev, found.st_ino
