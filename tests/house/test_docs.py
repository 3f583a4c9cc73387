"""What is promised is held: every setting is documented, every promise of SPECIFICATION.md names what holds it."""

import ast
import re
from pathlib import Path

HELD_BY = "held by"


def settings(tree: ast.Module) -> list[str]:
    """The fields of the class `Settings`."""
    return [
        field.target.id
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == "Settings"
        for field in node.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
    ]


def undocumented(fields: list[str], page: str) -> list[str]:
    """Each setting appears on the page as `name`, and with its variable `SAMOVAR_NAME`."""
    return [f for f in fields if f"`{f}`" not in page or f"`SAMOVAR_{f.upper()}`" not in page]


def tables(page: str) -> list[list[list[str]]]:
    """The tables of a Markdown page: rows of cells, the heading first, the line of dashes left out."""
    found: list[list[list[str]]] = []
    inside = False
    for line in page.splitlines():
        if not line.startswith("|"):
            inside = False
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not inside:
            found.append([])
            inside = True
        if not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            found[-1].append(cells)
    return found


def benchmarks(folder: Path) -> set[str]:
    """The names that tests/speed knows: every string in it."""
    return {
        node.value
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def has_tests(path: Path) -> bool:
    return path.is_file() or any(path.rglob("test_*.py"))


def unheld(page: str, root: Path) -> list[str]:
    known = benchmarks(root / "tests" / "speed")
    wrong = []
    for heading, *rows in tables(page):
        if heading[-1].lower() != HELD_BY:
            wrong.append(f"the table `{' | '.join(heading)}` lacks the last column '{HELD_BY}': untested, it is a wish")
            continue
        for row in rows:
            holders = re.findall(r"`([^`]+)`", row[-1])
            if not holders:
                wrong.append(f"`{row[0]}` names nothing that holds it: a path below tests/, or `bench: name`")
            for holder in holders:
                bench = re.fullmatch(r"bench: (.+)", holder)
                path, _, test = holder.partition("::")
                if bench and bench[1] not in known:
                    wrong.append(f"`{row[0]}`: tests/speed knows no benchmark called '{bench[1]}'")
                elif not bench and not has_tests(root / path):
                    wrong.append(f"`{row[0]}`: there are no tests at {path}")
                elif not bench and test and f"def {test}(" not in (root / path).read_text():
                    wrong.append(f"`{row[0]}`: {path} has no {test}")
    return wrong


def test_every_setting_is_documented(root):
    fields = settings(ast.parse((root / "src/samovar/settings.py").read_text()))
    assert fields, "src/samovar/settings.py has no class Settings with fields"
    missing = undocumented(fields, (root / "docs/settings.md").read_text())
    assert not missing, f"docs/settings.md doesn't name these and their SAMOVAR_ variables: {', '.join(missing)}"


def test_every_promise_names_what_holds_it(root):
    wrong = unheld((root / "SPECIFICATION.md").read_text(), root)
    assert not wrong, "SPECIFICATION.md:\n" + "\n".join(wrong)


def dead_links(page: Path) -> list[str]:
    """The links of a Markdown page to files that aren't there."""
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    return [to for to in targets if not to.startswith(("http:", "https:")) and not (page.parent / to).exists()]


def test_every_link_leads_somewhere(root):
    pages = [*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("examples/**/*.md")]
    dead = [f"{page.relative_to(root)}: {to}" for page in pages for to in dead_links(page)]
    assert not dead, "links to nothing:\n" + "\n".join(dead)


def test_every_decision_is_in_their_index(root):
    index = (root / "docs/decisions/README.md").read_text()
    missing = [page.name for page in root.glob("docs/decisions/0*.md") if f"]({page.name})" not in index]
    assert not missing, f"docs/decisions/README.md doesn't list {', '.join(missing)}"


def test_a_dead_link_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("[here](page.md#top) [there](none.md) [AWS](https://aws.amazon.com)")
    assert dead_links(page) == ["none.md"]


def test_an_undocumented_setting_is_noticed():
    fields = settings(ast.parse("class Settings:\n    port: int = 1\n    host: str = ''\nclass Other:\n    x: int"))
    assert fields == ["port", "host"]
    assert undocumented(fields, "`port` (`SAMOVAR_PORT`) and host") == ["host"]


def test_a_promise_that_nothing_holds_is_noticed(tmp_path):
    (tmp_path / "tests/speed").mkdir(parents=True)
    (tmp_path / "tests/speed/bench.py").write_text("RUNS = ['cold start']")
    (tmp_path / "tests/a.py").write_text("def test_b():\n    pass")
    head = "| promise | held by |\n|---|---|\n"
    for row in ("| x | `bench: cold start` |", "| x | `tests/a.py` |", "| x | `tests/a.py::test_b` |"):
        assert unheld(head + row, tmp_path) == []
    for row, reason in {
        "| x | `bench: warm start` |": "knows no benchmark called 'warm start'",
        "| x | `tests/c.py` |": "there are no tests at tests/c.py",
        "| x | `tests/speed` |": "there are no tests at tests/speed",
        "| x | `tests/a.py::test_c` |": "has no test_c",
        "| x | by and by |": "names nothing that holds it",
    }.items():
        [wrong] = unheld(head + row, tmp_path)
        assert reason in wrong
    [wrong] = unheld("| promise | goal |\n|---|---|\n| x | 1 |", tmp_path)
    assert "lacks the last column" in wrong
