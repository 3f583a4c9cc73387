"""How a process that waits becomes a function: its variables, where its modules are found, which of ours they replace.

Owns: the two frames that tell of a function, `A` and `M` (see `samovar_runtime`), and what they change in the process.
"""

from __future__ import annotations

import gc
import importlib.machinery
import os
import sys
import time
from typing import Any  # noqa: F401 - in the types

import samovar_frames

AHEAD, MOUNTED = b"AM"

# The SDK's modules hold on to each other: a function that brings one of them gets none of ours.
_SDK = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")

_READ_ONLY = ("/var/task/", "/opt/")

replaceable = set()  # type: set[str]
"""The top names of what the zygote has imported and a function may bring itself: to go through all modules would copy
the pages of all their names."""


def write_no_bytecode():
    # type: () -> None
    """Beside a function's modules nothing can be written, as on AWS. Python finds that out for each module that it
    compiles, which takes some microseconds each; here it doesn't try. What it says of itself stays the same."""
    loader = importlib.machinery.SourceFileLoader  # type: Any
    write = loader._cache_bytecode

    def _cache_bytecode(self, source, compiled, content):
        # type: (Any, str, str, bytes) -> None
        if not compiled.startswith(_READ_ONLY):
            write(self, source, compiled, content)

    loader._cache_bytecode = _cache_bytecode


class Otherwise(BaseException):
    """What awslambdaric does before it asks for the handler depends on the function's variables: how it logs, and
    whether a preview of a runtime warns of itself."""

    def __init__(self, handler):
        # type: (str) -> None
        super().__init__()
        self.handler = handler


class Function:
    """In the place of the handler's name. awslambdaric asks for that when all else is ready: to be asked is to wait for
    the function, and to become it. So a process waits with as much done as can be."""

    def __init__(self, frames):
        # type: (samovar_frames.Frames) -> None
        self._frames = frames
        self._handler = ""

    def __str__(self):
        # type: () -> str
        return self._handler

    def rsplit(self, separator, most):
        # type: (str, int) -> list
        self.become()
        present = os.environ._data  # type: ignore[attr-defined]
        if b"AWS_LAMBDA_LOG_FORMAT" in present or b"AWS_LAMBDA_LOG_LEVEL" in present:
            raise Otherwise(self._handler)
        return self._handler.rsplit(separator, most)

    def become(self):
        # type: () -> str
        """Wait for it; its handler's name."""
        kind, frame = self._frames.receive()
        if kind != AHEAD:
            os._exit(70)
        handler, task, opt, *variables = bytes(frame[samovar_frames.CONTENT :]).split(b"\0")
        self._handler = handler.decode("utf-8")
        search = _become(os.fsdecode(task), os.fsdecode(opt), variables)
        kind, frame = self._frames.receive()
        if kind != MOUNTED:
            os._exit(70)
        _put(_read(bytes(frame[samovar_frames.CONTENT :]).split(b"\0")))
        self._enter(search)
        return self._handler

    def _enter(self, search):
        # type: (list) -> None
        """Its code is there."""
        _forget_shadowed(search)
        os.chdir(search[0])
        gc.enable()


class Rehearsed(Function):
    def _enter(self, search):
        # type: (list) -> None
        """Its modules are the runtime's own, and shadow nothing."""
        _shadowed(search)
        os.chdir(search[0])


def _become(task, opt, variables):
    # type: (str, str, list) -> list
    """Where its modules are to be looked for, after this."""
    set_environ(_read(variables))
    search = search_path(task, opt)
    sys.path[:0] = search
    search += _user_path(os.environ.get("PYTHONPATH", ""), task)
    sys.path_importer_cache.clear()
    # A folder, also before its code is there; else it would be looked at for an archive first.
    sys.path_importer_cache[task] = sys.path_hooks[-1](task)
    sys.argv[:] = ["/var/runtime/bootstrap.py"]
    sys.pycache_prefix = None
    return search


def search_path(task, opt):
    # type: (str, str) -> list
    """Where a function's modules are, before all others (facts/lambda-runtime.md §2.2)."""
    lib = "python%d.%d" % sys.version_info[:2]
    return [task, "%s/python/lib/%s/site-packages" % (opt, lib), opt + "/python"]


def _user_path(text, task):
    # type: (str, str) -> list
    """What the user has put into PYTHONPATH: it stands where the interpreter would have put it, behind the folder of
    the runtime's own script."""
    folders = [os.path.normpath(os.path.join(task, entry)) for entry in text.split(":") if entry]
    wanted = [folder for folder in dict.fromkeys(folders) if folder not in sys.path]
    if wanted:
        at = sys.path.index("/var/runtime") + 1 if "/var/runtime" in sys.path else len(sys.path)
        sys.path[at:at] = wanted
    return wanted


def set_environ(wanted):
    # type: (dict) -> None
    """Only what differs: each variable that is set copies some pages, and so does going round by `os.environ`."""
    present = os.environ._data  # type: ignore[attr-defined]
    zone = present.get(b"TZ")
    for name in [name for name in present if name not in wanted]:
        os.unsetenv(name)
        del present[name]
    _put(wanted)
    if present.get(b"TZ") != zone:
        time.tzset()


def _put(wanted):
    # type: (dict) -> None
    present = os.environ._data  # type: ignore[attr-defined]
    for name, value in wanted.items():
        if present.get(name) != value:
            os.putenv(name, value)
            present[name] = value


def _read(variables):
    # type: (list) -> dict
    """Of NAME=value."""
    return dict([variable.split(b"=", 1) for variable in variables])


def _forget_shadowed(search):
    # type: (list) -> None
    """Let the function's and layers' own modules win over those that the zygote has imported."""
    shadowed = _shadowed(search)
    if shadowed:
        for name in [name for name in sys.modules if name.partition(".")[0] in shadowed]:
            del sys.modules[name]


def _shadowed(search):
    # type: (list) -> set
    theirs = set()  # type: set[str]
    for folder in search:
        try:
            theirs.update(name.partition(".")[0] for name in os.listdir(folder))
        except OSError:
            pass
    shadowed = {name for name in theirs if name in replaceable}
    if shadowed.intersection(_SDK):
        shadowed.update(_SDK)
    return shadowed
