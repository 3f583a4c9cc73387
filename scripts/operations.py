"""Writes docs/operations.md: every operation of every service that is here, and whether Samovar has it.

    .venv/bin/python scripts/operations.py

Read from the code: an operation is done when the service's `ops` define it (core/service.py binds them); its note is
the first paragraph of its docstring. The list of all there could be is the service's model, which grows with botocore:
so tests/house/test_operations.py compares what is done, and no more.
"""

import ast
import sys
from pathlib import Path
from typing import NamedTuple

from samovar.core.service import fold
from samovar.wire.model import Models

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "operations.md"
SERVICES = ROOT / "src" / "samovar" / "services"

HEAD = """# Operations

Every operation of the services that are here. What isn't done answers 501 and its name; what a done operation lacks
stands in its note, and in [SPECIFICATION.md](../SPECIFICATION.md). Written by `scripts/operations.py` from the code:
don't edit.
"""


class Row(NamedTuple):
    operation: str
    done: bool
    note: str


def client_name(folder: str) -> str:
    """`lambda_` -> `lambda`, `application_autoscaling` -> `application-autoscaling`: as boto3 names the client."""
    return folder.rstrip("_").replace("_", "-")


def notes(folder: Path) -> dict[str, str]:
    """Folded name of each operation that is there -> the first paragraph of its docstring."""
    found = {}
    for path in sorted([*folder.glob("ops.py"), *folder.glob("ops/*.py")]):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
                said = (ast.get_docstring(node) or "").split("\n\n")[0]
                found[fold(node.name)] = " ".join(said.split()).replace("|", "\\|")
    return found


def rows(names: frozenset[str], there: dict[str, str]) -> list[Row]:
    return [Row(name, fold(name) in there, there.get(fold(name), "")) for name in sorted(names)]


def table(service: str, found: list[Row]) -> str:
    lines = [f"\n## {service}\n", "| operation | | note |", "|---|---|---|"]
    lines += [f"| {row.operation} | {'done' if row.done else 'not done'} | {row.note} |" for row in found]
    return "\n".join(lines) + "\n"


def page() -> str:
    models = Models()
    text = HEAD
    for folder in sorted(path for path in SERVICES.iterdir() if (path / "__init__.py").is_file()):
        service = client_name(folder.name)
        text += table(service, rows(models[service].operation_names, notes(folder)))
    return text


def done(text: str) -> list[str]:
    """The headings and the rows of what is done, of a page."""
    return [line for line in text.splitlines() if line.startswith("## ") or "| done |" in line]


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"wrote {PAGE.relative_to(ROOT)}", file=sys.stderr)
