"""The memory of a process that others are forked from, laid out so that forks have little to copy.

Owns: where its memory is, and in which pages. Nothing here has an effect but speed: whatever the kernel refuses is left
as it is.
A fork takes 70 ns for each page that is mapped, and 3 us for each that is written to afterwards, for a copy of it:
- What a child allocates would come out of the holes between its parent's objects, and each hole is in a page of its
  own. `fill` fills them, so that it comes from new pages, one beside the other.
- A huge page is one entry in the tables until a child writes to it; only then the child gets an entry for each of its
  small pages, and a copy of one. `collapse` makes huge pages.
Sources: madvise(2), Documentation/admin-guide/mm/pagemap.rst, Python's Objects/obmalloc.c, glibc's malloc/malloc.c.
"""

from __future__ import annotations

import ctypes
import struct
import sys

_PAGE, _HUGE = 1 << 12, 1 << 21
_PAGES = struct.Struct("%dQ" % (_HUGE // _PAGE))
_OWN = 1 << 63 | 1 << 56
"""Of an entry in pagemap: the page is there, and mapped by this process alone."""
_MOST_OWN = _HUGE // _PAGE * 3 // 4
"""A huge page is new memory: what is shared with others would be there twice."""
_MADV_COLLAPSE = 25
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT = 32 << 20
"""The most that glibc takes for the second; what it comes to by itself as larger and larger blocks are freed."""

_POOL = 1 << (14 if sys.version_info >= (3, 10) else 12)
"""What Python's allocator gives to objects of one size at a time, behind a head of 48 bytes."""
_LARGEST_SMALL, _STEP = 512, 16
_ENOUGH = 1 << 16
"""Bytes in a row: no hole, or one as good as new memory."""
_MOST_BLOCKS = 20_000

_libc = ctypes.CDLL(None)
_libc.malloc.argtypes, _libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
_libc.free.argtypes, _libc.free.restype = [ctypes.c_void_p], None
_libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def fill():
    # type: () -> list
    """Fill the holes; the objects that do must be kept."""
    kept = [_fill_pools(size) for size in range(2 * _STEP, _LARGEST_SMALL + 1, _STEP)]
    size, blocks = _ENOUGH // 2, [0] * _MOST_BLOCKS
    while size > _STEP:
        _fill_heap(size, blocks)
        size -= _STEP if size <= 2 * _LARGEST_SMALL else size // 4 // _STEP * _STEP
    return kept


def _fill_pools(size):
    # type: (int) -> list
    """With objects of a size, until they come out of a pool that had none."""
    blocks, row, last = [], 0, 0  # type: list, int, int
    # The smallest bytes object has 33 bytes. A float has 24, and between two there may be addresses, of the same size.
    step = size if size > 2 * _STEP else 3 * size
    room = (_POOL - 48) // step - 1
    while row < room and len(blocks) < _MOST_BLOCKS:
        block = bytes(size - 33) if size > 2 * _STEP else float(len(blocks))  # type: object
        row = row + 1 if 0 < id(block) - last <= step else 0
        last = id(block)
        blocks.append(block)
    del blocks[len(blocks) - row - 1 :]
    return blocks


def _fill_heap(size, blocks):
    # type: (int, list) -> None
    """The same with the C library's memory, for good; 8 bytes of each block are its own. blocks: room for their
    addresses; a list that grew would take memory in between."""
    count = row = last = 0
    while row * size < _ENOUGH and count < _MOST_BLOCKS:
        block = _libc.malloc(size - 8)
        row = row + 1 if block - last == size else 0
        last = blocks[count] = block
        count += 1
    for block in blocks[count - row - 1 : count]:
        _libc.free(block)


def keep_freed():
    # type: () -> None
    """Let what is freed be used again, in this process and its forks: payloads of some MB are gone after each
    invocation, and to get new pages for the next one takes longer than to parse it."""
    if hasattr(_libc, "mallopt"):
        _libc.mallopt(_M_MMAP_THRESHOLD, _KEPT)
        _libc.mallopt(_M_TRIM_THRESHOLD, _KEPT)


def collapse():
    # type: () -> None
    """Make huge pages of what is this process's own: some ms for each ten of them."""
    try:
        with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
            for at in _places():
                pagemap.seek(at // _PAGE * 8)
                if sum(entry & _OWN == _OWN for entry in _PAGES.unpack(pagemap.read(_PAGES.size))) >= _MOST_OWN:
                    _libc.madvise(at, _HUGE, _MADV_COLLAPSE)
    except (OSError, struct.error):
        return


def _places():
    # type: () -> list
    """Where huge pages could be."""
    found = []  # type: list
    with open("/proc/self/maps") as maps:
        for line in maps:
            parts = line.split()
            if parts[1] == "rw-p" and (len(parts) == 5 or parts[5] == "[heap]"):
                begin, end = (int(text, 16) for text in parts[0].split("-"))
                found += range(-(-begin // _HUGE) * _HUGE, end // _HUGE * _HUGE, _HUGE)
    return found
