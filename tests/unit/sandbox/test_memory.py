"""The memory of a process that others are forked from: what its forks allocate, and the pages that it is in."""

import json
import subprocess
import sys
from typing import Any

import pytest

from samovar.sandbox import spec

_HOLED = """
import gc, json, os
import memory

things = [bytearray(size) for size in range(64, 4096, 16) for _ in range(40)]
small = [bytes(200) for _ in range(20_000)]
del things[::2], small[::17]
gc.disable()

def pages():
    made = [bytes(200) for _ in range(200)]
    return len({id(each) >> 12 for each in made})
"""
_PAGES = "before = pages(); filling = memory.fill(); print(json.dumps([before, pages()]))"
_BLOCKS = """
def rows():
    blocks = [memory._libc.malloc(size) for size in range(1000, 3000, 16)]
    return sum(not 0 < after - before < 8192 for before, after in zip(blocks, blocks[1:]))

before = rows(); filling = memory.fill(); print(json.dumps([before, rows()]))
"""
_HUGE = """
import mmap

def huge():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("AnonHugePages"))

one = memory._libc.madvise
place = mmap.mmap(-1, 8 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
place.write(b"x" * (8 << 20))
begin = next(at for at in memory._places())
answer = one(begin, 1 << 21, 25)
memory.collapse()
child = os.fork()
if child == 0:
    os._exit(huge() == 0)
print(json.dumps([answer, huge(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])]))
"""


def told(code: str) -> Any:
    command = [sys.executable, "-B", "-c", _HOLED + code]
    environ = {"PYTHONPATH": str(spec.INSIDE)}
    return json.loads(subprocess.run(command, env=environ, check=True, timeout=60, stdout=subprocess.PIPE).stdout)


def test_objects_made_after_the_holes_are_filled_are_not_spread_over_old_pages() -> None:
    before, after = told(_PAGES)
    assert before > 100
    assert after < 20


def test_blocks_of_the_c_library_come_one_beside_the_other_once_holes_are_filled() -> None:
    before, after = told(_BLOCKS)
    assert before > 10
    assert after <= 3


def test_what_a_process_has_for_itself_becomes_huge_pages_that_its_forks_share() -> None:
    refused, there, missing = told(_HUGE)
    if refused:
        pytest.skip("this kernel makes no huge pages of what is there (MADV_COLLAPSE, Linux 6.1)")
    assert there >= 4096
    assert missing == 0
