"""Transcripts that anyone can read aloud: `*.txt` beside this file hold commands and, under `----`, what happened.

They are replayed and compared. `python tests/scenarios/test_transcripts.py --rewrite` writes what happens now; the diff
is the review.
"""

import re
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import msgspec
import pytest

from samovar.engine.concurrency import Concurrency
from samovar.engine.lifecycle import (
    ENVIRONMENT,
    EXTENSION,
    Event,
    ExtensionEvent,
    ExtensionState,
    State,
    allowed,
    refusal,
)
from samovar.engine.model import Version
from samovar.engine.pool import Lease, Pool

HERE = Path(__file__).parent


class Env(msgspec.Struct, frozen=True):
    id: str
    version_key: str
    memory_mb: int


def play_lifecycle(commands: list[str]) -> Iterator[str]:
    for command in commands:
        first, events = command.split(":")
        state = State[first]
        for name in events.split():
            event = Event[name.upper()]
            if not allowed(state, event):
                yield f"refused: {refusal(state, event)}"
                break
            after, effects = ENVIRONMENT[state, event]
            done = " ".join(effect.name.lower() for effect in effects)
            yield f"{state.name:<10} {name:<14} -> {after.name:<10} {done}"
            state = after


def play_extension(commands: list[str]) -> Iterator[str]:
    for command in commands:
        first, events = command.split(":")
        state = ExtensionState[first]
        for name in events.split():
            after = EXTENSION.get((state, ExtensionEvent[name.upper()]))
            if after is None:
                yield f"refused: {name} is not allowed in {state.name}"
                break
            yield f"{state.name:<12} {name:<12} -> {after.name}"
            state = after


def parse_version(text: str) -> Version:
    """`f#2:300`: name, revision, memory."""
    rest, _, memory = text.partition(":")
    name = rest.partition("#")[0]
    return Version(
        key=rest if "#" in rest else f"{rest}#1",
        account="000000000000",
        region="us-east-1",
        function_name=name,
        function_arn=parse_function(name),
        version="$LATEST",
        runtime="python3.12",
        handler="app.handler",
        memory_mb=int(memory or 128),
        timeout_s=3,
        ephemeral_mb=512,
        code="",
        variables={},
        role_arn="",
        log_group="",
    )


def parse_function(name: str) -> str:
    return f"arn:aws:lambda:us-east-1:000000000000:function:{name}"


class PoolPlayer:
    """Carries out the commands of pool.txt; a started environment is at once ready."""

    def __init__(self) -> None:
        self.environments: dict[str, Env] = {}
        self.now = 0.0
        self.numbers = count(1)
        self.pool: Pool[Env] = Pool(self.make, limits=Concurrency(0), memory_mb=0)

    def make(self, version: Version) -> Env:
        environment = Env(f"env-{next(self.numbers)}", version.key, version.memory_mb)
        self.environments[environment.id] = environment
        return environment

    def play(self, commands: list[str]) -> Iterator[str]:
        for command in commands:
            verb, *words = command.split()
            options = dict(word.split("=") for word in words if "=" in word)
            plain = [word for word in words if "=" not in word]
            said = getattr(self, f"do_{verb}")(*plain, **{name: int(value) for name, value in options.items()})
            yield f"{command:<26} {said:<26} {self.pool!r}"

    def do_pool(self, limit: int, memory: int) -> str:
        self.pool = Pool(self.make, limits=Concurrency(limit), memory_mb=memory)
        return ""

    def do_invoke(self, text: str) -> str:
        decision = self.pool.assign(parse_version(text), self.now)
        if not isinstance(decision, Lease):
            return f"throttled: {decision.message}"
        if not decision.cold:
            return f"reuse {decision.environment.id}"
        self.pool.started(decision.environment)
        return "; ".join([f"start {decision.environment.id}", *self.destroyed(decision.destroy)])

    def do_keep(self, text: str) -> str:
        decision = self.pool.keep(parse_version(text))
        if not isinstance(decision, Lease):
            return f"throttled: {decision.message}"
        return "; ".join([f"start {decision.environment.id}", *self.destroyed(decision.destroy)])

    def do_offer(self, name: str, t: int) -> str:
        return "; ".join(self.destroyed(self.pool.offer(self.environments[name], t)))

    def do_end(self, name: str, t: int) -> str:
        return "; ".join(self.destroyed(self.pool.release(self.environments[name], t)))

    def do_die(self, name: str) -> str:
        self.pool.discard(self.environments[name])
        return ""

    def do_retire(self, key: str) -> str:
        return "; ".join(self.destroyed(self.pool.retire(key)))

    def do_reserve(self, name: str, n: int | None = None) -> str:
        self.pool.limits.reserve(parse_function(name), n)
        return ""

    def do_reap(self, t: int, after: int) -> str:
        return "; ".join(self.destroyed(self.pool.reap(t, after)))

    def destroyed(self, environments: tuple[Env, ...]) -> list[str]:
        return [f"destroy {environment.id}" for environment in environments]


PLAYERS: dict[str, Callable[[list[str]], Iterator[str]]] = {
    "lifecycle": play_lifecycle,
    "extension": play_extension,
    "pool": lambda commands: PoolPlayer().play(commands),
}


def replay(text: str, play: Callable[[list[str]], Iterator[str]]) -> str:
    """The same file with what happens now. Blocks are separated by blank lines; comments stay."""
    blocks = []
    for block in text.strip().split("\n\n"):
        given, divider, _ = block.partition("----")
        if divider:
            commands = [line for line in given.splitlines() if not line.startswith("#")]
            block = "\n".join([given + divider, *(line.rstrip() for line in play(commands))])
        blocks.append(block)
    return "\n\n".join(blocks) + "\n"


@pytest.mark.parametrize("name", PLAYERS)
def test_the_transcript_still_holds(name):
    text = (HERE / f"{name}.txt").read_text()
    assert replay(text, PLAYERS[name]) == text


@pytest.mark.parametrize(("name", "table"), [("lifecycle", ENVIRONMENT), ("extension", EXTENSION)])
def test_every_transition_stands_in_a_transcript(name, table):
    told = set(re.findall(r"^(\w+) +(\w+) +-> ", (HERE / f"{name}.txt").read_text(), re.MULTILINE))
    assert {(state.name, event.name.lower()) for state, event in table} == told


if __name__ == "__main__" and "--rewrite" in sys.argv:
    for name, play in PLAYERS.items():
        path = HERE / f"{name}.txt"
        path.write_text(replay(path.read_text(), play))
