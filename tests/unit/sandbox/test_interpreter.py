"""Modules that an installation has compiled are taken from there; others are compiled into the cache, once."""

import json
import py_compile
import subprocess
import sys

from samovar.sandbox.spec import INSIDE

LOAD = f"""
import json, sys
sys.path.insert(0, {str(INSIDE)!r})
import interpreter
ordinary = interpreter._machinery.cache_from_source
interpreter._machinery.cache_from_source = interpreter._compiled
import compiled, source
interpreter._as_ever()
print(json.dumps([compiled.__cached__, source.__cached__, interpreter._machinery.cache_from_source is ordinary]))
"""


def test_what_was_compiled_where_it_lies_is_not_compiled_again(tmp_path):
    cache, modules = tmp_path / "cache", tmp_path / "modules"
    modules.mkdir()
    for name in ("compiled", "source"):
        (modules / f"{name}.py").write_text("'A module.'\n")
    beside = py_compile.compile(str(modules / "compiled.py"), doraise=True)
    argv = [sys.executable, "-E", "-s", "-S", "-X", f"pycache_prefix={cache}", "-c", LOAD]
    told = json.loads(subprocess.run(argv, cwd=modules, check=True, capture_output=True).stdout)
    elsewhere = f"{cache}{modules}/source.{sys.implementation.cache_tag}.pyc"
    assert told == [beside, elsewhere, True]
    assert [path.name for path in cache.rglob("*.pyc") if modules.name in path.parts] == [elsewhere.rpartition("/")[2]]
