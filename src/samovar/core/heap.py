"""How the C library keeps memory that was freed.

Owns: that the server uses it again instead of giving it back after each large payload: of the CPU time of a 6 MB
invocation, a third went into getting new pages from the kernel. What is done once, and leaves much behind, gives that
back. No effect where the C library isn't glibc.
"""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # mallopt(3)
_KEPT = 32 << 20
"""The most that glibc takes for the second; what it comes to by itself as larger and larger blocks are freed."""


def keep_freed() -> None:
    """For the rest of this process's life."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _KEPT)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)


def give_back() -> None:
    """What is free now, to the kernel: a tenth of a millisecond."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
