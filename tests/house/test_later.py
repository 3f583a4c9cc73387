"""What is imported later says the same to the type checker and to Python, and isn't scattered over the house."""

import ast

from .test_arrows import imports

LATER = {
    # module -> the modules that it may import later, by their beginning
    "samovar.app.named": ("samovar.gateway.certificates",),  # X.509, from the first API or function URL on
    "samovar.app.on_demand": ("samovar.app.", "samovar.services."),
    "samovar.app.platform": ("samovar.gateway.certificates",),  # X.509, where the server speaks TLS
    "samovar.app.start": ("samovar.app.platform", "samovar.core.heap"),  # the helpers of boxes start beside it
    "samovar.cli": ("samovar.cli.commands",),  # so that the first word of a program is its own
    "samovar.cli.commands": ("samovar.cli.",),  # a command needs its own only
    "samovar.cli.up": ("samovar.app",),  # the machine is examined beside the import of the server
    "samovar.gateway.welcome": ("html",),  # 3 ms of every start, for a page that only browsers see
    "samovar.net.head": ("http",),  # 3 ms, for the words of other statuses than 200
    "samovar.sandbox.cgroup": ("asyncio",),  # `samovar doctor` only looks
    "samovar.store.vault": ("cryptography.",),  # from the first secret on
    "samovar.settings": ("difflib", "tomllib"),  # where there is a file, or a mistake
    "samovar.wire.text": ("email.utils",),  # 5 ms, for times as in e-mails
    "samovar.wire.xml": ("xml.etree.ElementTree",),  # 4 ms, for requests in XML
    # the operations of services that are there from the start, and mostly aren't called
    "samovar.services.cloudwatch": ("samovar.services.cloudwatch.ops.",),
    "samovar.services.iam": ("samovar.services.iam.ops.",),
    "samovar.services.logs": ("samovar.services.logs.ops.",),
    "samovar.services.sts": ("samovar.services.sts.ops",),
    "samovar.services.sts.oidc": ("cryptography.", "urllib.request"),  # where somebody brings a web identity
}
"""A line here needs a reason: what comes later is either a service, or costs more than it is worth to most servers."""


def checked(module) -> dict[str, str]:
    """Name -> dotted name of what is imported under TYPE_CHECKING."""
    found = {}
    for node in module.tree.body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and node.orelse:
            for each in ast.walk(ast.Module(node.body, [])):
                if isinstance(each, ast.ImportFrom | ast.Import):
                    found |= {alias.asname or alias.name: "" for alias in each.names}
            targets = [target for _, target in imports(module, ast.Module(node.body, []))]
            found = dict(zip(found, targets, strict=True))
    return found


def later(module) -> dict[str, str]:
    """Name -> what `later` is asked for, anywhere in the module."""
    found = {}
    for node in ast.walk(module.tree):
        called = node.value if isinstance(node, ast.Assign) else None
        if isinstance(called, ast.Call) and ast.unparse(called.func) == "later":
            found[ast.unparse(node.targets[0])] = ast.literal_eval(called.args[0])
    return found


def wrong_later(modules) -> list[str]:
    wrong = []
    for module in modules:
        names = later(module)
        if names != checked(module):
            wrong.append(f"{module.path}: what comes later differs from the imports under TYPE_CHECKING beside it")
        wrong += [
            f"{module.path}: {target} may not come later; see LATER in tests/house/test_later.py"
            for target in names.values()
            if not target.startswith(LATER.get(module.name, ("-",)))
        ]
    return wrong


def test_what_comes_later_is_what_the_type_checker_sees_and_is_allowed_to(house):
    wrong = wrong_later(house)
    assert not wrong, "\n".join(wrong)


def source(checked: str, name: str) -> str:
    return f"if TYPE_CHECKING:\n    from samovar.services import {checked}\nelse:\n    {checked} = later('{name}')\n"


def test_a_name_that_says_two_things_is_noticed(module):
    def in_app(text: str):
        return module("samovar.app.on_demand", text)

    assert wrong_later([in_app(source("sqs", "samovar.services.sqs"))]) == []
    assert len(wrong_later([in_app(source("sqs", "samovar.services.sns"))])) == 1
    assert len(wrong_later([in_app("x = later('samovar.services.sns')")])) == 1


def test_a_module_that_imports_later_without_a_reason_is_noticed(module):
    [wrong] = wrong_later([module("samovar.engine.x", source("sqs", "samovar.services.sqs"))])
    assert "may not come later" in wrong
