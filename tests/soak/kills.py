"""Kills processes of a working platform at random moments, and counts what that has cost.

    python kills.py [COUNT [SEED [KIND,...]]]

A round sends a few invocations of different functions, kills one process while they run, and takes what each invoker
gets: an answer that is its own, or word of a failure; the end of the connection only where the server was killed. Then
an invocation must work. What may be killed: a runtime, an extension, a box's init, a template, a zygote, a nursery, the
router, the maker of file systems for /tmp, the keeper, the guardian, the server. After each server, and at the end,
nothing of it may be left; and a server that lives has, at rest, as many processes, descriptors, control groups, mounts
and files as before the first kill. Of the kinds only those named are killed, where some are.
"""

import collections
import concurrent.futures
import os
import random
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from crew import Crew, Platform, faults, ran, wait

_AT_ONCE = 4
_WEIGHTS = {
    "runtime": 30, "extension": 12, "init": 10, "template": 10, "zygote": 10, "keeper": 8, "guardian": 4, "server": 8,
    "router": 3, "tmp": 3, "nursery": 3,
}  # fmt: skip
_BESIDE = {"samovar-router": "router", "samovar-tmp": "tmp", "samovar-nursery": "nursery"}
"""Children of the keeper that are neither zygotes nor inits."""
_SLACK = 3
_SLOW_S = 10
_TEMPLATE_POWER = 1 << 18 | 1 << 21
_FLAGS = ("--idle-timeout-s", "0.5", "--prefork", "2", "--no-rate-limits")


class Storm:
    def __init__(self, data: Path, seed: int, kinds: list[str]) -> None:
        self.data = data
        self.weights = {kind: weight for kind, weight in _WEIGHTS.items() if not kinds or kind in kinds}
        self.dice = random.Random(seed)
        self.killed: collections.Counter[str] = collections.Counter()
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.wrong: list[str] = []
        self.asked: set[str] = set()
        self.platform: Any = None
        self.crew: Any = None
        self.rest: dict[str, int] = {}
        self.victim = (0, "")
        self.traced = 0
        """The last server that has told of a bug."""
        self.said = ""
        """By servers when something went wrong."""
        self.threads = concurrent.futures.ThreadPoolExecutor(_AT_ONCE)

    def start(self) -> None:
        self.platform = Platform("--data-dir", str(self.data), *_FLAGS)
        if self.crew is None:
            self.crew = Crew(self.platform)
            self.crew.deploy()
        else:
            self.crew.adopt(self.platform)
        self.traces = faults.Traces(self.platform.pid, self.data)
        for name in self.crew.names:
            self._must_work(name)
        if not self.rest:
            self.rest = self._at_rest()

    def run(self, kills: int) -> None:
        self.start()
        began = time.monotonic()
        while self.killed.total() < kills:
            at, wrong, platform = time.monotonic(), len(self.wrong), self.platform
            victim = self._round()
            if "Traceback (most recent call last)" in platform.said() and self.traced != platform.pid:
                self.traced = platform.pid
                self._note("a bug: see what the server said")
            if len(self.wrong) > wrong:
                self.said += f"--- server {platform.pid}\n{platform.said()}"
            if time.monotonic() - at > _SLOW_S:
                print(f"a round with a killed {victim} took {time.monotonic() - at:.1f} s", flush=True)
            if self.killed.total() % 100 == 0:
                print(f"{self.killed.total()} kills, {time.monotonic() - began:.0f} s", flush=True)
        self._account()
        assert self.platform.stop() == 0, self.platform.said()
        self._nothing_left()

    def _round(self) -> str:
        names = [self.dice.choice(list(self.crew.names)) for _ in range(self.dice.randint(1, _AT_ONCE))]
        tokens = [self.crew.token() for _ in names]
        self.asked.update(tokens)
        invoked = [
            self.threads.submit(self._invoke, name, token, self.dice.choice((0, 0, 0.02, 0.1)))
            for name, token in zip(names, tokens, strict=True)
        ]
        time.sleep(self.dice.random() * 0.15)
        victim = self._kill()
        for future in invoked:
            outcome = future.result()
            self.outcomes[outcome] += 1
            if outcome == "no connection" and victim != "server":
                self._note(f"the server closed a connection when a {victim} was killed")
        if victim == "server":
            self.platform.forget()
            self._nothing_left()
            self.start()
        else:
            self._await_its_end()
        self._must_work(self.dice.choice(list(self.crew.names)), victim)
        return victim

    def _invoke(self, name: str, token: str, sleep: float) -> str:
        try:
            answer = self.crew.call(name, token=token, sleep=sleep)
        except BotoCoreError as error:
            if "Read timeout" in str(error):
                self._note(f"{name} {token} was never answered")
            return "no connection"
        except ClientError as error:
            code = str(error.response["Error"]["Code"])
            if code != "SnapStartException":  # a runtime that was killed while it was restored
                self._note(f"{name}: {error}")
            return code
        if answer.error is None:
            if answer.value.get("token") != token:
                self._note(f"{name} answered {answer.value} to {token}")
            return "answered"
        kind = str(answer.value.get("errorType"))
        if kind == "Sandbox.Timedout" or not kind.startswith(("Runtime.", "Sandbox.", "Extension.")):
            self._note(f"{name}: {answer}")  # nobody waits for a dead process until the timeout
        return kind

    def _kill(self) -> str:
        """Kill somebody; what it was."""
        while True:
            there = self._roles()
            self.traces.look()
            kinds = [kind for kind in self.weights if there.get(kind)]
            if not kinds:
                continue  # not there at the moment
            kind = self.dice.choices(kinds, [self.weights[kind] for kind in kinds])[0]
            pid, who = self.dice.choice(there[kind])
            if kind != "server" and faults.identity(pid) != who:
                continue  # gone meanwhile
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.killed[kind] += 1
                self.victim = (pid, who)
                return kind

    def _await_its_end(self) -> None:
        """Until the victim has gone, or will as soon as it is thawed: a frozen process can't die before, nor the init
        above it, which isn't frozen itself."""
        pid, who = self.victim
        with suppress(AssertionError):
            wait(lambda: faults.identity(pid) != who or faults.frozen(pid), within_s=2)

    def _roles(self) -> dict[str, list[tuple[int, str]]]:
        """What is what among the server's descendants."""
        roles: dict[str, list[tuple[int, str]]] = {"server": [(self.platform.pid, "")]}

        def add(role: str, pid: int) -> None:
            who = faults.identity(pid)
            if who:
                roles.setdefault(role, []).append((pid, who))

        for guardian in _children(self.platform.pid):
            if not faults.identity(guardian).startswith("samovar-guard"):
                continue
            add("guardian", guardian)
            for keeper in _children(guardian):
                add("keeper", keeper)
                for below in _children(keeper):
                    name = faults.identity(below).split(" ")[0]
                    if name != "samovar-zygote":
                        add(_BESIDE.get(name, "init"), below)
                        continue
                    add("zygote", below)
                    for occupant in _children(below):
                        role = "template" if _power(occupant) == _TEMPLATE_POWER else "runtime"
                        add("extension" if _is_extension(occupant) else role, occupant)
                        for fork in _children(occupant) if role == "template" else ():
                            add("runtime", fork)
        return roles

    def _must_work(self, name: str, after: str = "nobody") -> None:
        """The next invocation; it isn't tried again."""
        token = self.crew.token()
        try:
            answer = self.crew.call(name, token=token)
        except ClientError as error:
            self._note(f"the next invocation after {after} was killed, of {name}: {error}")
            return
        if answer.error is not None or answer.value["token"] != token:
            self._note(f"the next invocation after {after} was killed, of {name}: {answer}")

    def _note(self, text: str) -> None:
        self.wrong.append(f"{time.strftime('%X')}, after {self.killed.total()} kills: {text}")

    # --- what is left ---

    def _at_rest(self) -> dict[str, int]:
        """What the server holds when every environment has gone, as soon as that doesn't change any more."""
        before: dict[str, int] = {}
        same = 0
        deadline = time.monotonic() + 60
        while same < 8 and time.monotonic() < deadline:
            time.sleep(0.25)
            now = self._held()
            same = same + 1 if now == before and not self._running() else 0
            before = now
        return before

    def _running(self) -> int:
        """How many environments there are beside those that are prepared: by the code mounted into them."""
        spaces, templates = set(), set()
        for pid in faults.descendants(self.platform.pid):
            with suppress(OSError):
                space = os.readlink(f"/proc/{pid}/ns/mnt")
                if " /var/task " in Path(f"/proc/{pid}/mountinfo").read_text():
                    spaces.add(space)
                if _power(pid) == _TEMPLATE_POWER:
                    templates.add(space)
        return len(spaces - templates)

    def _held(self) -> dict[str, int]:
        pid = self.platform.pid
        below = faults.descendants(pid)
        walked = [folder for folder, _, _ in os.walk("/sys/fs/cgroup")]
        loops = 0
        for file in Path("/sys/block").glob("loop*/loop/backing_file"):
            with suppress(OSError):
                loops += str(self.data) in file.read_text()
        spaces = set()
        for each in below:
            with suppress(OSError):
                spaces.add(os.readlink(f"/proc/{each}/ns/net"))
        mounts = 0  # its own: it has the host's beside them, which are others'
        for each, who in below.items():
            if who.startswith("samovar-keeper"):
                with suppress(OSError):
                    mounts = Path(f"/proc/{each}/mountinfo").read_text().count(f" {self.data}/")
        return {
            "processes": len(below),
            **_descriptors(pid),
            "control groups": sum(f"/samovar-{pid}-" in folder for folder in walked),
            "network namespaces": len(spaces),
            "mounts": mounts,
            "loop devices": loops,
            "temporary files": sum(1 for path in self.data.rglob("*") if path.name.startswith((".", "new-"))),
        }

    def _account(self) -> None:
        """Compare with the rest before, and what ran with what was asked for."""
        for name in self.crew.names:
            self._must_work(name)
        now = self._at_rest()
        more = {name: (self.rest.get(name, 0), n) for name, n in now.items() if n > self.rest.get(name, 0) + _SLACK}
        if more:
            self._note(f"held at rest, before and after: {more}")
        twice = {t: n for t, n in ran(self.platform, list(self.crew.names)).items() if n > 1 and t in self.asked}
        if twice:
            self._note(f"ran more than once: {twice}")

    def _nothing_left(self) -> None:
        with suppress(AssertionError):
            wait(lambda: not self.traces.left(), within_s=20)
        if left := self.traces.left():
            self._note(f"left behind: {left[:5]}")


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, task.read_text().split())
    return found


def _descriptors(pid: int) -> dict[str, int]:
    """The server's, by what they are."""
    kinds: collections.Counter[str] = collections.Counter()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            target = os.readlink(fd)
            kinds[f"descriptors: {target.partition('[')[0] if '[' in target else Path(target).name}"] += 1
    return dict(kinds)


def _power(pid: int) -> int:
    with suppress(OSError, StopIteration):
        text = Path(f"/proc/{pid}/status").read_text()
        return int(next(line for line in text.splitlines() if line.startswith("CapEff:")).split()[1], 16)
    return 0


def _is_extension(pid: int) -> bool:
    with suppress(OSError):
        return b"/opt/extensions/" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1_000_000)
    kinds = sys.argv[3].split(",") if len(sys.argv) > 3 else []
    print(f"{kills} kills, seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="samovar-kills-") as folder:
        storm = Storm(Path(folder), seed, kinds)
        try:
            storm.run(kills)
        except BaseException:
            storm.said += storm.platform.said() if storm.platform is not None else ""
            raise
        finally:
            print(storm.said, file=sys.stderr)
            if storm.platform is not None:
                storm.platform.forget()
    print("killed:", dict(storm.killed))
    print("invocations:", dict(storm.outcomes))
    print("wrong:", len(storm.wrong))
    for text in storm.wrong[:30]:
        print(" ", text[:1000])
    sys.exit(bool(storm.wrong))


if __name__ == "__main__":
    main()
