"""Texts that may be large: short ones stand in the table, long ones in a blob with a reference in the table.

Owns: the limit between them, and the blobs' names. Every long body is a blob of its own, also when another has the same
text, so that it can go when its row goes; what a crash has left behind goes at the next start (`sweep`).
"""

from collections.abc import Iterable

from samovar.core.ids import hex_id
from samovar.store.blobs import Blobs

LONGEST_INLINE = 256 * 1024
"""Bytes (design: bodies above go to the blob store by reference)."""

_SALT = 16


class Bodies:
    """`blobs` is this owner's alone."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def keep(self, text: str) -> tuple[str, str]:
        """(text for the table, digest of the blob): one of them is empty."""
        if len(text) * 4 <= LONGEST_INLINE:  # no need to count bytes
            return text, ""
        data = text.encode()
        if len(data) <= LONGEST_INLINE:
            return text, ""
        return "", await self._blobs.put(data + hex_id(_SALT).encode())

    async def fetch(self, text: str, digest: str) -> str:
        """The text again; BlobMissing when its row went meanwhile."""
        return (await self._blobs.get(digest))[:-_SALT].decode() if digest else text

    async def drop(self, digests: Iterable[str]) -> None:
        for digest in digests:
            if digest:
                await self._blobs.delete(digest)

    async def sweep(self, digests: Iterable[str]) -> int:
        """Remove all others; only before anything is kept."""
        return await self._blobs.sweep(set(digests))
