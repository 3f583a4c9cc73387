"""Where the code sticks out: the longest files and functions, the deepest nesting, the most arguments.

Shown beside the figures of codebases that read well; not enforced. When something sticks out, look whether two things
live in one room; where they really are one thing, leave them together.
"""

import ast
import sys
from pathlib import Path
from typing import NamedTuple

SHOWN = 10
NESTING = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)


class Function(NamedTuple):
    name: str
    where: str
    lines: int
    arguments: int
    depth: int


def depth(node: ast.AST) -> int:
    """How many blocks stand inside each other below `node`; a nested function begins anew, an `elif` adds nothing."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        elif_ = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
        deepest = max(deepest, depth(child) + (isinstance(child, NESTING) and not elif_))
    return deepest


def functions(tree: ast.Module, file: str) -> list[Function]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            taken = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            arguments = sum(argument.arg not in ("self", "cls") for argument in taken)
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            found.append(Function(node.name, f"{file}:{node.lineno}", lines, arguments, depth(node)))
    return found


def percentile(values: list[int], share: float) -> int:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def main(roots: list[str]) -> None:
    files: list[tuple[int, str]] = []
    every: list[Function] = []
    for root in roots:
        for path in sorted(Path(root).rglob("*.py")):
            text = path.read_text()
            files.append((text.count("\n"), str(path)))
            every += functions(ast.parse(text), str(path))
    if not every:
        sys.exit(f"no functions below {' '.join(roots)}")

    small = sum(lines <= 300 for lines, _ in files)
    print(f"files      {small} of {len(files)} under 300 lines    (models: 29 of 34 and 32 of 40 under 300 to 400)")
    for lines, file in sorted(files, reverse=True)[:SHOWN]:
        print(f"{lines:6}  {file}")

    middle, high = (percentile([f.lines for f in every], share) for share in (0.5, 0.95))
    print(f"functions  median {middle} lines, 95th percentile {high}    (models: 95th percentile 39 to 56)")
    for f in sorted(every, key=lambda f: -f.lines)[:SHOWN]:
        print(f"{f.lines:6}  {f.name}  {f.where}")

    print("nesting    blocks inside each other")
    for f in sorted(every, key=lambda f: -f.depth)[: SHOWN // 2]:
        print(f"{f.depth:6}  {f.name}  {f.where}")

    print("arguments                                (models: hardly any above 6)")
    for f in sorted(every, key=lambda f: -f.arguments)[: SHOWN // 2]:
        print(f"{f.arguments:6}  {f.name}  {f.where}")


if __name__ == "__main__":
    main(sys.argv[1:] or ["src/samovar"])
