"""Many invocations of mixed functions on one server, each checked, and the memory of all its processes watched.

    python invocations.py [COUNT]

Eight connections call functions of every kind in turns, with small and large events and answers, some that fail, and
now and then a new version of the code, so that environments come and go. Memory is flat when its median over the last
quarter is at most a tenth above that over the second.
"""

import itertools
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from crew import Crew, Platform, client, faults, wait

_CONNECTIONS = 8
_LOOKS = 40
_UPDATES = 20
_MOST_GROWTH = 1.10
_FAILING = "def handler(event, context):\n    raise ValueError(event['token'])\n"


class Run:
    def __init__(self, crew: Any, count: int) -> None:
        self.crew = crew
        self.count = count
        self.wrong: list[str] = []
        self._numbers = itertools.count()
        self.done = 0
        self._lock = threading.Lock()
        self.memory: list[tuple[float, float]] = []

    def run(self) -> None:
        threads = [threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(_CONNECTIONS)]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        for look in range(1, _LOOKS + 1):
            wait(lambda look=look: self.done >= self.count * look // _LOOKS or self.wrong, within_s=600)
            self.memory.append(self._weigh())
            if look % (_LOOKS // _UPDATES) == 0:
                self.crew.platform.function("python").update({"h.py": f"# {look}\n{PYTHON}"})
            if look % 4 == 0:
                server, below = self.memory[-1]
                took = time.monotonic() - began
                print(f"{self.done} in {took:.0f} s: server {server:.1f} MB, below {below:.1f} MB", flush=True)
        for thread in threads:
            thread.join()

    def _work(self, number: int) -> None:
        dice = random.Random(number)
        requests = self.crew.requests()
        names = list(requests)
        connection = client.Connection(urlsplit(self.crew.platform.endpoint).port)
        while next(self._numbers) < self.count and not self.wrong:
            name = dice.choice(names)
            token = self.crew.token()
            size = dice.choice((0, 0, 0, 0, 1_000, 100_000))
            event = json.dumps({"token": token, "size": size, "pad": "y" * size})
            try:
                answer, failed = connection.exchange(requests[name](event)), False
            except client.HttpError as error:
                answer, failed = str(error).encode(), True
            right = failed == (name == "failing") and (failed or len(answer) >= size)
            if not right or f'"{token}"'.encode() not in answer:
                self.wrong.append(f"{name} {token}: {answer[:500]!r}")
            with self._lock:
                self.done += 1

    def _weigh(self) -> tuple[float, float]:
        """MB of the server, and of everything below it; what is shared counts once."""
        pid = self.crew.platform.pid
        return _pss_mb(pid), sum(map(_pss_mb, faults.descendants(pid)))

    def flat(self) -> list[str]:
        quarter = len(self.memory) // 4
        told = []
        for at, what in enumerate(("the server", "everything below it")):
            before = statistics.median(sample[at] for sample in self.memory[quarter : 2 * quarter])
            after = statistics.median(sample[at] for sample in self.memory[-quarter:])
            print(f"{what}: {before:.1f} MB in the second quarter, {after:.1f} MB in the last")
            if after > before * _MOST_GROWTH:
                told.append(f"{what} grew from {before:.1f} to {after:.1f} MB")
        return told


def _pss_mb(pid: int) -> float:
    with suppress(OSError, StopIteration):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(next(line for line in text.splitlines() if line.startswith("Pss:")).split()[1]) / 1024
    return 0.0


PYTHON = "def handler(event, context):\n    return {'token': event['token'], 'more': 'x' * event.get('size', 0)}\n"


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with tempfile.TemporaryDirectory(prefix="samovar-soak-") as folder:
        platform = Platform("--data-dir", folder, "--idle-timeout-s", "20", "--no-rate-limits")
        try:
            crew = Crew(platform)
            crew.deploy()
            platform.deploy({"h.py": _FAILING}, "failing")
            for name in crew.names:
                crew.works(name)
            crew.names["failing"] = ""
            run = Run(crew, count)
            run.run()
            wrong = [*run.wrong, *run.flat()]
            descriptors = len(list(Path(f"/proc/{platform.pid}/fd").iterdir()))
            print(f"{run.done} invocations, {descriptors} descriptors, wrong: {len(wrong)}")
            assert platform.stop() == 0, platform.said()
        finally:
            platform.forget()
    for text in wrong[:20]:
        print(" ", text[:1000])
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
