"""The languages that functions can be written in: for each, what is on this machine and what its boxes are made of.

Owns: the shape of a language. One module each; `engine/runtimes` asks them in turn.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from samovar.engine.launch import Launch
from samovar.engine.model import Version
from samovar.sandbox.spec import Interpreter, ZygoteSpec

NO_NETWORK = (
    "{} needs a network of its own for each environment: start Samovar without --function-network host, at the "
    "isolation level namespaces or full."
)
WRAPPING = (Path(__file__).parent.parent.parent / "runtimes" / "exec_wrapper.sh", "exec_wrapper.sh")
"""What starts AWS_LAMBDA_EXEC_WRAPPER, to be put under /var/runtime."""


class Found(msgspec.Struct, frozen=True):
    """A runtime as `samovar runtimes` shows it."""

    identifier: str
    remark: str
    problem: str = ""
    """Why it can't run functions yet, and what to do; empty when it can."""


class Language(Protocol):
    def owns(self, identifier: str) -> bool:
        """Whether this is one of the language's runtime identifiers, here or not."""

    def identifiers(self) -> list[str]:
        """Lambda's, oldest first."""

    def found(self) -> list[Found]:
        """What is here."""

    def problem(self, identifier: str) -> str:
        """Why an identifier of its own can't run here and what to do about it; empty when it can."""

    def zygote(self, identifier: str) -> ZygoteSpec:
        """What boxes are made of; only for identifiers without a problem."""

    def launch(self, version: Version) -> Launch: ...

    def tools(self) -> list[tuple[Path, str]]:
        """What its programs may need beside the packages of `zygote`, under /var/runtime."""

    def program(self, version: Version) -> list[str]:
        """The runtime's own command where it speaks with the Runtime API; empty where a function brings it."""


def program(identifier: str, path: Path) -> Interpreter:
    """A program that the settings name for a runtime."""
    executable = path.resolve()
    return Interpreter(identifier, executable, executable.parent.parent)


def kept_by(variable: str, home: str) -> Path:
    """Where a version manager keeps what it installed: as its own variable says, or at its usual place at home."""
    return Path(os.environ.get(variable) or Path.home() / home)


def folders_of_programs(*managed: tuple[Path, str]) -> list[Path]:
    """Folders where interpreters are looked for, best first: PATH's, those that match below a version manager's
    folder, the system's. There may be some that this user can't enter. Shims run something else, and are left out."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    for place, pattern in managed:
        folders += sorted(place.glob(pattern), reverse=True)
    folders += [Path("/usr/local/bin"), Path("/usr/bin")]
    return [folder for folder in dict.fromkeys(folders) if folder.name != "shims"]


def for_programs(spec: ZygoteSpec, tools: Sequence[tuple[Path, str]]) -> ZygoteSpec:
    """Boxes with the same files and `tools` beside them, in which a program is started with its function. They have a
    folder for compiled modules of their own: one process compiles what others load."""
    cache = spec.cache.with_name(f"{spec.cache.name}-program")
    packages = [*spec.packages, *tools, WRAPPING]
    return msgspec.structs.replace(spec, module="", command=None, packages=packages, environ={}, cache=cache)


def in_folder(folder: Path) -> list[tuple[Path, str]]:
    """Everything in a folder, to be put under /var/runtime by its own name."""
    return [(entry, entry.name) for entry in sorted(folder.iterdir()) if entry.name != "__pycache__"]
