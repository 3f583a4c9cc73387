"""The metrics of AWS/SQS: what is sent, received and deleted, and each minute how many messages there are.

Owns: `Metering`. Refuses: counting what waits (`state.counts`). Dimension: QueueName.
"""

from collections.abc import Sequence

from samovar.core.meter import Meter, Metric

NAMESPACE = "AWS/SQS"

Key = tuple[str, str, str]
"""(account, region, name) of a queue."""


class Metering:
    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def sent(self, queue: Key, sizes: Sequence[int]) -> None:
        if sizes:
            self.tell(queue, "NumberOfMessagesSent", 1.0, len(sizes))
        for size in sizes:
            self.tell(queue, "SentMessageSize", size, unit="Bytes")

    def received(self, queue: Key, count: int) -> None:
        self.tell(queue, "NumberOfMessagesReceived" if count else "NumberOfEmptyReceives", 1.0, count or 1)

    def deleted(self, queue: Key, count: int) -> None:
        if count:
            self.tell(queue, "NumberOfMessagesDeleted", 1.0, count)

    def tell(self, queue: Key, name: str, value: float, times: int = 1, unit: str = "Count") -> None:
        account, region, own = queue
        self._meter.observe(Metric(account, region, NAMESPACE, name, (("QueueName", own),), unit), value, times)
