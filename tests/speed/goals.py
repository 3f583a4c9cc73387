"""The goals: SPECIFICATION.md's table of numbers, read and filled in. There is no other place for them.

A row is: what, goal, measured, and `bench: name` as its holder. A goal is clauses joined by "and", each `NUMBER UNIT`,
the first with `at most` or `at least` before it, which also holds for those after it until another comes:

    at most 0.75 x bare fork and 2.5 ms

The unit is the name under which the benchmark reports the number. Other text of a clause would be a unit that nobody
reports: `judge` says so.
"""

import re
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[2] / "SPECIFICATION.md"
_CLAUSE = re.compile(r"(?:(at most|at least) )?([\d,.]+) (.+)")
_HOLDER = re.compile(r"`bench: ([^`]+)`")


class Clause(NamedTuple):
    at_most: bool
    number: float
    unit: str

    def reached(self, measured: float) -> bool:
        return measured <= self.number if self.at_most else measured >= self.number

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.number:g} {self.unit}"


class Row(NamedTuple):
    what: str
    clauses: list[Clause]


def parse(goal: str) -> list[Clause]:
    clauses: list[Clause] = []
    at_most = True
    for part in goal.split(" and "):
        match = _CLAUSE.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"the goal {goal!r} has a part that is no clause: {part!r}")
        if match[1]:
            at_most = match[1] == "at most"
        clauses.append(Clause(at_most, float(match[2].replace(",", "")), match[3]))
    return clauses


def read(page: str) -> dict[str, Row]:
    """The rows held by benchmarks, by the benchmark's name."""
    rows = {}
    for line in page.splitlines():
        cells = _cells(line)
        holder = _HOLDER.fullmatch(cells[-1]) if cells else None
        if holder:
            rows[holder[1]] = Row(cells[0], parse(cells[1]))
    return rows


def record(page: str, measured: dict[str, str]) -> str:
    """The page with what was measured in the column before the last."""
    lines = page.splitlines(keepends=True)
    for at, line in enumerate(lines):
        cells = _cells(line)
        holder = _HOLDER.fullmatch(cells[-1]) if cells else None
        if holder and holder[1] in measured:
            cells[-2] = measured[holder[1]]
            lines[at] = f"| {' | '.join(cells)} |\n"
    return "".join(lines)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
