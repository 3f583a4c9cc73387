"""A log sink for tests that look at what was written, without a store."""

from collections.abc import Callable


class Kept:
    """Keeps all lines of all streams."""

    backlog_bytes = 0

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.to: set[tuple[str, str, str, str]] = set()
        """Account, region, group and stream."""
        self.times: set[int] = set()
        """Of their events, in ms."""
        self._reminders: list[Callable[[], None]] = []

    def remind(self, holds: Callable[[], None]) -> None:
        self._reminders.append(holds)

    def append(self, account: str, region: str, group: str, stream: str, events: list[tuple[int, str]]) -> None:
        self.to.add((account, region, group, stream))
        self.times |= {at for at, _ in events}
        self.batches.append([text for _, text in events])

    def clear(self) -> None:
        self._remind()  # what is held back goes, too
        self.batches.clear()

    @property
    def lines(self) -> list[str]:
        """As a reader of the log finds them: what is held back is written first."""
        self._remind()
        return [text for batch in self.batches for text in batch]

    def _remind(self) -> None:
        reminders, self._reminders = self._reminders, []
        for hand_over in reminders:
            hand_over()
