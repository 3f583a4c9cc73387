"""What lists show of functions and versions, kept as JSON for as long as the records stay the same.

A page of fifty takes a tenth of the time when its items are at hand. Rule: a record is replaced, never changed
(`function`), so who holds the same record holds the same item.
"""

import msgspec

from samovar.services.lambda_.function import Deployed
from samovar.services.lambda_.view import describe
from samovar.wire.answer import Spelled

_MOST = 16_384
"""Items, of some 700 bytes; then all are forgotten."""


class Listing:
    def __init__(self) -> None:
        self._items: dict[tuple[str, str, str, str], tuple[Deployed, msgspec.Raw]] = {}

    def item(self, deployed: Deployed, qualifier: str = "") -> Spelled:
        place = (*deployed.key, f"{qualifier}:{deployed.version}")
        record, item = self._items.get(place, (None, None))
        if record is not deployed or item is None:
            item = msgspec.Raw(msgspec.json.encode(describe(deployed, qualifier, listed=True)))
            if len(self._items) >= _MOST:
                self._items.clear()
            self._items[place] = (deployed, item)
        return Spelled(item)
