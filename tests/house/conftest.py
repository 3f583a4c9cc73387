"""The source of Samovar as the house rules see it: one parsed module per file."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Module(NamedTuple):
    name: str
    """Dotted: `samovar.net.server`; a package is named without `__init__`."""
    path: str
    """As a failure message shows it."""
    tree: ast.Module
    is_package: bool

    @property
    def room(self) -> str:
        """`net` of `samovar.net.server`, `app` of `samovar.app`, empty for `samovar` itself."""
        return self.name.partition(".")[2].partition(".")[0]

    @property
    def inside(self) -> bool:
        """Whether it runs inside an environment, under the function's interpreter, instead of in the server."""
        return self.name.startswith(("samovar.runtimes", "samovar.sandbox.inside"))


def parse(name: str, source: str, path: str = "synthetic.py", is_package: bool = False) -> Module:
    return Module(name, path, ast.parse(source, path), is_package)


def read(source: Path) -> list[Module]:
    modules = []
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source.parent).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        modules.append(parse(name, path.read_text(), str(path.relative_to(ROOT)), is_package))
    return modules


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def house() -> list[Module]:
    """Every module of src/samovar."""
    return read(ROOT / "src" / "samovar")


@pytest.fixture(scope="session")
def module() -> Callable[..., Module]:
    """Makes a module from a few lines, to prove that a rule notices what it forbids."""
    return parse
