"""A zygote that is an interpreter: initialised once, so that its occupants are initialised when they are forked.

Owns: the order in which it gets ready, which decides where things lie in its memory (see `memory`); where compiled
modules are looked for until then: beside their source, as whoever installed them has left them; else in the cache
(pycache_prefix). To compile all that a zygote imports takes it a second, and 4 MB of holes between what it keeps.
Refuses: forking, which is the `zygote`'s.
Started by the keeper as `INTERPRETER -E -s -S interpreter.py CONFIG`, already in its root, with the link at descriptor
3. CONFIG is JSON, the zygote's own configuration and:
  {"module": what to serve, "path": [sys.path for it], "readonly": [paths to make read-only once warm],
   "unmount": [paths that only the zygote needs]}
The module has `warm()` (once, before the first fork), `rehearse()` (what an occupant will do; in this process, and in
an occupant that nobody waits for, locked) and `serve(channel)` (the occupant's whole life).
"""

from __future__ import annotations

import gc
import os
import sys
import types  # noqa: F401 - in the types

_machinery = sys.modules["_frozen_importlib_external"]
_in_cache = _machinery.cache_from_source
_ALWAYS = "ctypes fcntl importlib json resource select signal socket struct".split()
"""Loaded before the module, which looks at what always is."""
_OURS = ("jail", "link", "memory", "seccomp", "syscalls", "template", "zygote")
_REHEARSALS = 12
"""After some eight runs the interpreter has adapted a function to what it does, and no fork has to write that."""


def main():
    # type: () -> None
    _machinery.cache_from_source = _compiled  # type: ignore[attr-defined]
    for name in _ALWAYS:
        __import__(name)
    _serve(__import__("memory"), sys.modules["json"].loads(sys.argv[1]))
    os._exit(0)


def _serve(memory, config):
    # type: (types.ModuleType, dict) -> None
    here = sys.path[0]
    sys.path[:] = config["path"] + [p for p in sys.path if p.startswith(sys.prefix)]
    runtime = __import__(config["module"])
    kept_mb = runtime.warm()
    gc.collect()
    gc.disable()
    filling = memory.fill()  # what is loaded from here on lies beside each other
    sys.path.insert(0, here)
    zygote = __import__("zygote")
    for path in config["readonly"]:
        zygote.syscalls.set_attributes(path, zygote.jail.READ_ONLY)
    for path in config["unmount"]:
        zygote.syscalls.unmount(path)
    del sys.path[0]
    _as_ever()
    for name in _OURS:
        del sys.modules[name]  # a function may have modules of such names
    ready = zygote.Zygote(config, runtime)
    for _ in range(_REHEARSALS):
        runtime.rehearse()
    sys.path_importer_cache.clear()
    gc.collect()  # with it go the interpreter's lists of free objects, which lie anywhere
    filling += memory.fill()
    gc.freeze()  # the collector would touch, and so copy, every page of every child
    memory.collapse()
    memory.keep_freed()
    ready.serve(kept_mb)
    del filling


def _compiled(path, *given, **named):
    # type: (str, object, object) -> str
    """As importlib.util.cache_from_source."""
    cache, sys.pycache_prefix = sys.pycache_prefix, None
    try:
        beside = _in_cache(path, *given, **named)
    finally:
        sys.pycache_prefix = cache
    return beside if os.path.exists(beside) else _in_cache(path, *given, **named)


def _as_ever():
    # type: () -> None
    """For functions."""
    _machinery.cache_from_source = _in_cache  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
