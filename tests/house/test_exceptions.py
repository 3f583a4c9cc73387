"""Bugs fly to the root of their task. Only few places catch them, and each logs one traceback."""

import ast

ALLOWED = {
    "samovar.gateway.dispatch": "answers 500",
    "samovar.delivery.queue": "the delivery loop must outlive one bad event",
    "samovar.app": "reports why the server cannot go on",
    "samovar.store.writer": "one bad procedure must not end the thread that writes for everybody",
}
BROAD = {"Exception", "BaseException"}
WHY = f"A bug that is swallowed is a bug that nobody finds. Only these may: {', '.join(ALLOWED)}"


def names(node: ast.expr | None) -> set[str]:
    if node is None:
        return {"BaseException"}
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    return {part.attr if isinstance(part, ast.Attribute) else getattr(part, "id", "") for part in parts}


def raises_again(handler: ast.ExceptHandler) -> bool:
    """Whether it only tidies up: its last statement is a bare `raise`."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def broad_handlers(modules) -> list[str]:
    wrong = []
    for module in modules:
        # Inside an environment it is the user's code that raises, and whatever it raises is a result.
        if module.name in ALLOWED or module.inside:
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ExceptHandler) and names(node.type) & BROAD and not raises_again(node):
                wrong.append(f"{module.path}:{node.lineno}: catches everything. {WHY}")
            if isinstance(node, ast.Call) and names(node.func) == {"suppress"} and names(ast.Tuple(node.args)) & BROAD:
                wrong.append(f"{module.path}:{node.lineno}: suppresses everything. {WHY}")
    return wrong


def test_only_three_places_catch_everything(house):
    wrong = broad_handlers(house)
    assert not wrong, "\n".join(wrong)


def test_each_way_to_catch_everything_is_noticed(module):
    for handler in ("except Exception: pass", "except: pass", "except (OSError, BaseException) as e: log(e)"):
        [wrong] = broad_handlers([module("samovar.net.x", f"try:\n    f()\n{handler}")])
        assert "catches everything" in wrong
    [wrong] = broad_handlers([module("samovar.net.x", "with contextlib.suppress(OSError, Exception):\n    f()")])
    assert "suppresses everything" in wrong


def test_tidying_up_and_raising_again_is_fine(module):
    source = "try:\n    f()\nexcept BaseException:\n    close()\n    raise\nexcept OSError:\n    pass"
    assert broad_handlers([module("samovar.net.x", source)]) == []


def test_the_listed_places_may(module):
    source = "try:\n    f()\nexcept Exception:\n    log()"
    assert broad_handlers([module(name, source) for name in ALLOWED]) == []
