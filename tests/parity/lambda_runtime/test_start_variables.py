"""Variables that an interpreter, or the linker, takes at its start only: they hold as on AWS, where a process starts
with its function. Facts: lambda-runtime.md §2.1, "Not reserved"."""

import shutil
import subprocess

import pytest

pytestmark = pytest.mark.root


@pytest.fixture
def deploy_with(deploy):
    def deploy_with(code, variables, **configuration):
        return deploy(code, Environment={"Variables": variables}, Timeout=30, **configuration)

    return deploy_with


PYTHON = """
    import os, sys
    import vendored

    def handler(event, context):
        runtime, mine = sys.path.index("/var/runtime"), sys.path.index("/var/task/vendor")
        return [runtime < mine < sys.path.index("/opt/more"), os.environ["PYTHONPATH"], hash("a")]
"""
MODULES = {"h.py": PYTHON, "vendor/vendored.py": ""}


def test_modules_are_found_in_the_folders_of_pythonpath(deploy_with):
    given = "vendor:/opt/more:/var/runtime"
    assert deploy_with(MODULES, {"PYTHONPATH": given})().result[:2] == [True, given]


def test_a_python_that_cannot_take_a_variable_late_starts_with_it(deploy_with):
    given = {"PYTHONPATH": "/var/task/vendor:/opt/more", "PYTHONHASHSEED": "0"}
    first, second = (deploy_with(MODULES, given)().result for _ in range(2))
    assert first == second
    assert first[0] is True


NODE = "exports.handler = async () => [typeof gc, process.env.NODE_OPTIONS, globalThis.preloaded ?? null]"


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js")
def test_node_options_that_hold_at_the_start_only_do(deploy_with):
    code = {"h.js": NODE, "pre.js": "globalThis.preloaded = true"}
    given = "--expose-gc --require /var/task/pre.js"
    function = deploy_with(code, {"NODE_OPTIONS": given}, Runtime="nodejs20.x")
    assert function().result == ["function", given, True]
    assert not any("can't be applied" in line for lines in function.log().values() for line in lines)


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js")
def test_what_node_reads_before_it_runs_anything_is_there(deploy_with):
    code = "exports.handler = async () => require('util').debuglog('mine').enabled"
    assert deploy_with({"h.js": code}, {"NODE_DEBUG": "mine"}, Runtime="nodejs20.x")().result is True


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_libraries_are_found_in_the_folders_of_ld_library_path(deploy_with, tmp_path):
    source, library = tmp_path / "seven.c", tmp_path / "libseven.so"
    source.write_text("int seven() { return 7; }")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True, timeout=60)
    code = {"h.py": "import ctypes\ndef handler(event, context): return ctypes.CDLL('libseven.so').seven()"}
    code["deep/libseven.so"] = library.read_bytes()
    assert deploy_with(code, {"LD_LIBRARY_PATH": "/var/lang/lib:/var/task/deep"})().result == 7
