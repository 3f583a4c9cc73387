"""How numbers are made: samples taken in turns, medians, and what things are compared with.

Rule: machines differ and their load changes, so a number counts as a ratio to something sampled in turns with it.
"""

import itertools
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import boto3

INTERPRETER = getattr(sys, "_base_executable", sys.executable)
"""The python of which the virtual environment was made: what a function's runtime is."""
SITE = Path(boto3.__file__).parents[1]

_FORKER = """
import gc, os, time
gc.freeze()
while os.read(0, 1):
    began = time.perf_counter_ns()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    os.write(1, b"%d\\n" % (time.perf_counter_ns() - began))
"""


class Numbers(NamedTuple):
    """What a benchmark came to: numbers by unit (as goals name them), and what they stand beside."""

    values: dict[str, float]
    beside: str = ""

    def __str__(self) -> str:
        return ", ".join(f"{shown(value)} {unit}" for unit, value in self.values.items())


def shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def in_turns(budget_s: float, rounds: int, **samplers: Callable[[], float]) -> dict[str, float]:
    """The median of each sampler, called one after the other, `rounds` times or until the budget is spent."""
    samples: dict[str, list[float]] = {name: [] for name in samplers}
    end = time.monotonic() + budget_s
    for turn in range(rounds):
        if turn >= 3 and time.monotonic() > end:
            break
        for name, sampler in samplers.items():
            samples[name].append(sampler())
    return {name: statistics.median(taken) for name, taken in samples.items()}


class Fork:
    """Milliseconds of fork, exit and wait in a Python that does nothing else; of some 10 MB when it imports nothing."""

    def __init__(self, imports: str = "") -> None:
        self._code = f"{f'import {imports}' if imports else ''}\n{_FORKER}"

    def __enter__(self) -> "Fork":
        self._process = subprocess.Popen(
            [INTERPRETER, "-S", "-c", self._code],
            env={"PYTHONPATH": str(SITE)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self()  # when it answers, its imports are done
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def __call__(self) -> float:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(b".")
        return int(self._process.stdout.readline()) / 1e6


def python(code: str, *paths: Path) -> Callable[[], float]:
    """Milliseconds from starting an unsandboxed `python3 -c CODE` to the first byte of its output."""
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(map(str, paths)), "AWS_DEFAULT_REGION": "us-east-1"}

    def start() -> float:
        began = time.perf_counter()
        process = subprocess.Popen([INTERPRETER, "-c", code], env=environ, stdout=subprocess.PIPE, bufsize=0)
        assert process.stdout is not None
        process.stdout.read(1)
        took = time.perf_counter() - began
        process.communicate(timeout=30)
        return took * 1000

    return start


def durable_write(folder: Path, content: bytes) -> Callable[[], float]:
    """Milliseconds of the least that storing something for good takes: one new file, written and synchronised."""
    names = itertools.count()

    def write() -> float:
        began = time.perf_counter()
        with (folder / str(next(names))).open("wb") as file:
            file.write(content)
            file.flush()
            os.fdatasync(file.fileno())
        return (time.perf_counter() - began) * 1000

    return write
