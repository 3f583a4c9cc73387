"""Holds a box's output back while more of the logs waits to be stored than memory should hold: the function then blocks
when its pipe is full, as it would on any slow log."""

import asyncio

from samovar.engine.log import LogSink
from samovar.sandbox.port import Box

_BACKLOG_BYTES = 8 << 20
_LOOK_AFTER_S = 0.02


class Brake:
    def __init__(self, log: LogSink) -> None:
        self._log = log
        self._pulled = False

    def mind(self, box: Box) -> None:
        """After more output of that box."""
        if self._log.backlog_bytes > _BACKLOG_BYTES and not self._pulled:
            self._pulled = True
            box.pause_output(True)
            self._look_later(box)

    def _look_later(self, box: Box) -> None:
        asyncio.get_running_loop().call_later(_LOOK_AFTER_S, self._look, box)

    def _look(self, box: Box) -> None:
        if self._log.backlog_bytes > _BACKLOG_BYTES:
            self._look_later(box)
            return
        self._pulled = False
        box.pause_output(False)
