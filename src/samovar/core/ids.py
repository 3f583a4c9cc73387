"""Identifiers from pooled randomness: a uuid4 from `uuid` costs 3 us, one from here 0.7 us, and every request needs
one."""

import os


class _Pool:
    """Hex digits read from the kernel 4 KB at a time."""

    def __init__(self) -> None:
        self._hex = ""
        self._at = 0

    def take(self, digits: int) -> str:
        """Random lower-case hex digits (at most 8192)."""
        if self._at + digits > len(self._hex):
            self._hex = os.urandom(4096).hex()
            self._at = 0
        start = self._at
        self._at = start + digits
        return self._hex[start : self._at]


# The only module-level state of the house: randomness has no identity, and a pool per caller would waste it.
_pool = _Pool()
os.register_at_fork(after_in_child=_pool.__init__)  # type: ignore[misc]  # a child must not repeat its parent's ids


def uuid4() -> str:
    """A random UUID, `xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx`."""
    h = _pool.take(30)
    return f"{h[:8]}-{h[8:12]}-4{h[12:15]}-a{h[15:18]}-{h[18:30]}"


hex_id = _pool.take
