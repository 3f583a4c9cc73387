"""No module holds state: a table in capitals is a constant, everything that changes is an attribute of an object."""

import ast
from collections.abc import Iterator

LITERALS = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)
CONTAINERS = {
    "dict", "list", "set", "bytearray", "deque", "defaultdict", "OrderedDict", "Counter", "ChainMap",
    "WeakKeyDictionary", "WeakValueDictionary", "WeakSet", "SimpleQueue", "Queue",
}  # fmt: skip
CHANGES = {
    "append", "appendleft", "extend", "insert", "add", "update", "setdefault", "pop", "popleft", "popitem", "remove",
    "discard", "clear",
}  # fmt: skip
CACHES = {"cache", "lru_cache"}
ALLOWED = {
    "samovar.core.ids": {"_pool"},  # randomness has no identity; a pool per caller would waste it
}
WHY = "State of a module outlives the server that made it and is shared by two servers in one process"


def last_name(node: ast.expr) -> str:
    """`deque` of `collections.deque(...)`."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def assigned(module) -> Iterator[tuple[int, str, ast.expr]]:
    """(line, name, value) of each assignment at module level, also under `if` and `try`."""
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in ast.walk(ast.Module([n for n in module.tree.body if not isinstance(n, definitions)], [])):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield node.lineno, target.id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.lineno, node.target.id, node.value


def changed_names(module) -> Iterator[tuple[int, str]]:
    """(line, name) of everything that is changed in place: `X[k] = v`, `X.append(v)`, `del X[k]`, `X += ...`."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            if isinstance(node.value, ast.Name):
                yield node.lineno, node.value.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
            if isinstance(node.func.value, ast.Name):
                yield node.lineno, node.func.value.id
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            yield node.lineno, node.target.id


def state(modules) -> list[str]:
    wrong = []
    for module in modules:
        classes = {node.name for node in module.tree.body if isinstance(node, ast.ClassDef)}
        tables = set()
        for line, name, value in assigned(module):
            if name in ALLOWED.get(module.name, ()) or name.startswith("__"):
                continue
            called = last_name(value) if isinstance(value, ast.Call) else ""
            container = isinstance(value, LITERALS) or called in CONTAINERS
            constant = name.lstrip("_").isupper()
            if container:
                tables.add(name)
            if (container and not constant) or (called in classes and not constant):
                wrong.append(
                    f"{module.path}:{line}: `{name}` at module level can change. {WHY}: make it an attribute of the "
                    "object that owns it, or, if it is a constant table, write it in CAPITALS"
                )
        for line, name in changed_names(module):
            if name in tables and name.lstrip("_").isupper():
                wrong.append(f"{module.path}:{line}: the table `{name}` is changed here. {WHY}: make it an attribute")
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Global):
                names = ", ".join(node.names)
                wrong.append(f"{module.path}:{node.lineno}: `global {names}`. {WHY}: make it an attribute")
        for node in module.tree.body:
            for decorator in getattr(node, "decorator_list", ()):
                if last_name(decorator) in CACHES:
                    wrong.append(
                        f"{module.path}:{node.lineno}: {node.name}() keeps a cache at module level. {WHY}: caches are "
                        "attributes of the objects that use them"
                    )
    return wrong


def test_no_module_holds_state(house):
    wrong = state(m for m in house if not m.inside)  # a box is one process with one life: its module is its object
    assert not wrong, "\n".join(wrong)


def test_a_container_in_lower_case_is_noticed(module):
    source = "cache = {}\nwaiting: list[int] = []\n_q = collections.deque()\nif cache:\n    late = set()\n"
    assert [w.split("`")[1] for w in state([module("samovar.net.x", source)])] == ["cache", "waiting", "_q", "late"]


def test_an_object_of_the_modules_own_class_is_noticed(module):
    [wrong] = state([module("samovar.net.x", "class Pool: ...\npool = Pool()")])
    assert "`pool` at module level can change" in wrong


def test_a_constant_table_is_fine_until_it_is_changed(module):
    table = "STATUS = {200: 'OK'}\n_NAMES: list[str] = ['a']\n"
    assert state([module("samovar.net.x", table)]) == []
    for change in ("STATUS[1] = 'x'", "STATUS.update(a=1)", "del STATUS[200]", "_NAMES += ['b']"):
        [wrong] = state([module("samovar.net.x", f"{table}def f():\n    {change}")])
        assert "is changed here" in wrong


def test_global_and_module_caches_are_noticed(module):
    [wrong] = state([module("samovar.net.x", "def f():\n    global count\n    count = 1")])
    assert "global count" in wrong
    [wrong] = state([module("samovar.net.x", "import functools\n@functools.lru_cache(maxsize=3)\ndef f(): ...")])
    assert "f() keeps a cache" in wrong


def test_what_lives_in_functions_and_classes_is_nobodys_business(module):
    source = "def f():\n    found = []\n    found.append(1)\nclass A:\n    names = {}"
    assert state([module("samovar.net.x", source)]) == []
