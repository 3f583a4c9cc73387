"""The guardian: the keeper's parent half, which stays outside the namespaces and clears up after it.

Owns: the removal of the control groups, and what a router changed of the host's network, once the keeper has gone.
"""

from __future__ import annotations

import os
import time

import router
import syscalls

_CLEAR_WITHIN_S = 10.0


def guard(keeper, alive, groups):
    # type: (int, int, list) -> None
    """Wait until the keeper ends, however it does, then clear up. Pipe `alive` ends when its end has begun; what is to
    be restored of the host's network has been written to it.

    That end may take a thaw: as pid 1 of its namespace it goes last, and a frozen process of a v1 group can't die.
    """
    syscalls.set_name("samovar-guard")
    told = _read_all(alive)
    deadline = time.monotonic() + _CLEAR_WITHIN_S
    while time.monotonic() < deadline:
        for top in groups:
            for path, _, _ in os.walk(top):
                _thaw(path)
        if os.waitpid(keeper, os.WNOHANG)[0]:
            break
        time.sleep(0.005)
    while groups and time.monotonic() < deadline:
        groups = [top for top in groups if not _removed(top)]
        time.sleep(0.005)
    if told:
        router.restore(told)


def _read_all(fd):
    # type: (int) -> str
    """Until the last writer has gone."""
    text = b""
    while True:
        more = os.read(fd, 4096)
        if not more:
            return text.decode()
        text += more


def _removed(top):
    # type: (str) -> bool
    """Remove a control group with all below it; its last processes may take a moment to go."""
    for path, _, _ in os.walk(top, topdown=False):
        try:
            os.rmdir(path)
        except FileNotFoundError:
            pass
        except OSError:
            return False
    return True


def _thaw(path):
    # type: (str) -> None
    try:
        with open(path + "/freezer.state", "r+") as file:
            file.write("THAWED")
    except OSError:
        pass  # another controller's group, or gone already
