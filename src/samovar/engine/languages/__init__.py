"""The languages that functions can be written in: for each, what is on this machine and what its boxes are made of.

Owns: the shape of a language. One module each; `engine/runtimes` asks them in turn.
"""

from pathlib import Path
from typing import Protocol

import msgspec

from samovar.engine.launch import Launch
from samovar.sandbox.spec import ZygoteSpec


class Found(msgspec.Struct, frozen=True):
    """A runtime as `samovar runtimes` shows it."""

    identifier: str
    remark: str
    problem: str = ""
    """Why it can't run functions yet, and what to do; empty when it can."""


class Language(Protocol):
    def owns(self, identifier: str) -> bool:
        """Whether this is one of the language's runtime identifiers, here or not."""

    def found(self) -> list[Found]:
        """What is here."""

    def problem(self, identifier: str) -> str:
        """Why an identifier of its own can't run here and what to do about it; empty when it can."""

    def zygote(self, identifier: str) -> ZygoteSpec:
        """What boxes are made of; only for identifiers without a problem."""

    def launch(self, identifier: str) -> Launch: ...


def in_folder(folder: Path) -> list[tuple[Path, str]]:
    """Everything in a folder, to be put under /var/runtime by its own name."""
    return [(entry, entry.name) for entry in sorted(folder.iterdir()) if entry.name != "__pycache__"]
