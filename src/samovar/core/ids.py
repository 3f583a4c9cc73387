"""Identifiers from pooled randomness: a uuid4 from `uuid` costs 3 us, one from here a tenth of that, and every request
needs some."""

import binascii
import os
import struct

_AT_ONCE = 128
"""So many of a kind are made together."""
_DIGITS = struct.Struct("8s4s3s3s12s" * _AT_ONCE)
_WRITTEN = b"%b-%b-4%b-a%b-%b " * _AT_ONCE
_SHORT = 11
"""Bytes of a short id."""
_FOR_URLS = bytes.maketrans(b"+/", b"-_")


class _Pool:
    """Ids that are ready to be taken."""

    def __init__(self) -> None:
        self._hex: dict[int, list[str]] = {}
        """By their length."""
        self._uuids: list[str] = []
        self._short: list[str] = []

    def take(self, digits: int) -> str:
        """Random lower-case hex digits."""
        ready = self._hex.get(digits)
        if not ready:
            random = os.urandom((digits * _AT_ONCE + 1) // 2).hex()
            ready = self._hex[digits] = [random[at : at + digits] for at in range(0, digits * _AT_ONCE, digits)]
        return ready.pop()

    def uuid4(self) -> str:
        """A random UUID, `xxxxxxxx-xxxx-4xxx-axxx-xxxxxxxxxxxx`."""
        if not self._uuids:
            digits = os.urandom(_DIGITS.size // 2).hex().encode()
            self._uuids = (_WRITTEN % _DIGITS.unpack(digits)).decode().split()
        return self._uuids.pop()

    def short(self) -> str:
        """`L0SM9cOFvHcCIhw=`: as API Gateway calls requests, connections and messages."""
        if not self._short:
            random = os.urandom(_SHORT * _AT_ONCE)
            parts = (random[at : at + _SHORT] for at in range(0, len(random), _SHORT))
            encoded = b"".join(binascii.b2a_base64(part) for part in parts)
            self._short = encoded.translate(_FOR_URLS).decode().split()
        return self._short.pop()


# The only module-level state of the house: randomness has no identity, and a pool per caller would waste it.
_pool = _Pool()
os.register_at_fork(after_in_child=_pool.__init__)  # type: ignore[misc]  # a child must not repeat its parent's ids

uuid4 = _pool.uuid4
hex_id = _pool.take
short_id = _pool.short
