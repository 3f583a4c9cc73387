"""Hot reload: code and layers that are folders of the host, and whose environments begin anew when something changes.

Owns: which version runs from which folders, and how often these have changed. A version that changes gets another key,
as an update would give it: running invocations finish in their old environments, the next one starts in a new one.
Nothing is started for a change by itself, so that a thousand of them cost one start.
"""

import asyncio
from collections.abc import Callable

import msgspec

from samovar.engine.inotify import Inotify
from samovar.engine.model import Version
from samovar.engine.package import is_folder


class _Hot(msgspec.Struct):
    folders: frozenset[str]
    changes: int
    current: Version


class Reloads:
    def __init__(self, retire: Callable[[str], None]) -> None:
        """`retire` lets the environments of a version key go."""
        self._retire = retire
        self._inotify: Inotify | None = None
        self._hot: dict[str, _Hot] = {}

    def fresh(self, version: Version) -> Version:
        """The version to run now: itself, or with the key of its folders' state."""
        if not is_folder(version.code) and not is_folder(version.layers):
            return version
        hot = self._hot.get(version.key)
        if hot is None:
            folders = frozenset(filter(is_folder, (version.code, version.layers)))
            hot = self._hot[version.key] = _Hot(folders, 0, version)
            for folder in folders:
                self._watching().watch(folder)
        self._look()
        return hot.current

    def forget(self, version_key: str) -> str:
        """A version is let go: the key that its environments have."""
        hot = self._hot.pop(version_key, None)
        if hot is None:
            return version_key
        used = frozenset().union(*(other.folders for other in self._hot.values()))
        for folder in hot.folders - used:
            self._watching().unwatch(folder)
        return hot.current.key

    def close(self) -> None:
        if self._inotify is not None:
            asyncio.get_running_loop().remove_reader(self._inotify.fd)
            self._inotify.close()
            self._inotify = None

    def _watching(self) -> Inotify:
        if self._inotify is None:
            self._inotify = Inotify()
            asyncio.get_running_loop().add_reader(self._inotify.fd, self._look)
        return self._inotify

    def _look(self) -> None:
        changed = self._watching().changed()
        if not changed:
            return
        for key, hot in self._hot.items():
            if not hot.folders & changed:
                continue
            old = hot.current.key
            hot.changes += 1
            hot.current = msgspec.structs.replace(hot.current, key=f"{key}+{hot.changes}")
            self._retire(old)
