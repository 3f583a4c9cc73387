"""Where an interpreter's zygote begins: with the modules that its installation has compiled.

Owns: where compiled modules are looked for until the zygote is warm: beside their source, as whoever installed them has
left them; else in the cache (pycache_prefix). To compile all that a zygote imports takes it a second, and 4 MB of holes
between what it keeps.
Started by the keeper as `INTERPRETER -E -s -S interpreter.py CONFIG`; all else is the `zygote`'s.
"""

from __future__ import annotations

import os
import sys

_machinery = sys.modules["_frozen_importlib_external"]
_in_cache = _machinery.cache_from_source


def main():
    # type: () -> None
    _machinery.cache_from_source = _compiled  # type: ignore[attr-defined]
    __import__("zygote").main(_as_ever)


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
