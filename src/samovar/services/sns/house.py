"""What the operations work with: the records, and who carries messages."""

import asyncio

from samovar.services.sns.delivery import Deliveries
from samovar.services.sns.mail import Mail
from samovar.services.sns.state import Sns, Topic


class House:
    def __init__(self, state: Sns, deliveries: Deliveries, mail: Mail) -> None:
        self.state = state
        self.deliveries = deliveries
        self.mail = mail
        self._locks: dict[tuple[str, str, str], asyncio.Lock] = {}

    def order(self, topic: Topic) -> asyncio.Lock:
        """Held while a FIFO topic publishes, so that sequence numbers are the order of delivery."""
        lock = self._locks.get(topic.key)
        if lock is None:
            lock = self._locks[topic.key] = asyncio.Lock()
        return lock
