"""What a Linux root needs to run this machine's own Python in it, as members of an image's layer.

The interpreter, its standard library in one zip, the shared libraries that the loader names, AWS's runtime client and a
shell: a small distribution made of files that are certainly here.
"""

import importlib.util
import io
import marshal
import re
import subprocess
import sys
import sysconfig
import textwrap
import zipfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import awslambdaric
import simplejson
import snapshot_restore_py
from images import Image, Member, layer, link

PYTHON = "/usr/bin/python3"
VARIABLES = ["PYTHONHOME=/usr", "PATH=/usr/bin"]
"""Of an image with this layer."""
_NEEDLESS = {"test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "pydoc_data", "site-packages"}
_NEEDLESS |= {"dist-packages", "unittest", "distutils", "asyncio", "multiprocessing", "xml", "curses", "sqlite3"}
_NEEDLESS |= {"__pycache__", "lib-dynload"}


@cache
def python_layer() -> bytes:
    library = Path(sysconfig.get_path("stdlib"))
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    site = Path(awslambdaric.__file__).parent.parent
    shell, executable = Path("/bin/sh").resolve(), Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
    compiled = [*library.glob("lib-dynload/*.so"), *site.glob("runtime_client*.so")]
    members = [
        _file(executable, PYTHON),
        _file(shell, "/usr/bin/sh"),
        link("bin", "usr/bin"),
        Member(f"usr/lib/python{version.replace('.', '')}.zip", _modules(library)),
        *(_file(each, f"/usr/lib/python{version}/lib-dynload/{each.name}") for each in compiled),
    ]
    shared = {each for binary in (executable, shell, *compiled) for each in _libraries(binary)}
    members += [_file(Path(each), each) for each in sorted(shared)]
    return layer(*members)


def _modules(library: Path) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path in _sources(library):
            archive.writestr(str(path.relative_to(library).with_suffix(".pyc")), _compiled(path))
        for module in (awslambdaric, simplejson, snapshot_restore_py):
            file = Path(module.__file__)
            package = file.name == "__init__.py"
            folder = file.parent.parent if package else file.parent
            for path in _sources(file.parent) if package else (file,):
                archive.writestr(str(path.relative_to(folder).with_suffix(".pyc")), _compiled(path))
    return made.getvalue()


def _compiled(path: Path) -> bytes:
    """Without it every cold start would compile what it imports."""
    kept = Path(importlib.util.cache_from_source(str(path)))
    if kept.exists():
        return kept.read_bytes()
    code = compile(path.read_bytes(), f"/usr/lib/{path.name}", "exec", dont_inherit=True)
    return importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code)


def _sources(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name not in _NEEDLESS and not path.name.startswith("config-"):
            yield from _sources(path)
        elif path.suffix == ".py":
            yield path


def _libraries(binary: Path) -> list[str]:
    """Where the loader looks for them."""
    done = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=False)
    return re.findall(r"(/\S+) \(0x", done.stdout)


def _file(path: Path, inside: str) -> Member:
    return Member(inside.lstrip("/"), path.read_bytes(), path.stat().st_mode & 0o777)


def python_image(source: str, *more: Member, start: Mapping[str, Any] = {}, **options: Any) -> Image:
    """An image as AWS documents it for a base image of one's own: awslambdaric is the entry point, the handler
    `app.handler` its command."""
    code = Member("var/task/app.py", textwrap.dedent(source).encode())
    wanted = {
        "Entrypoint": [PYTHON, "-m", "awslambdaric"],
        "Cmd": ["app.handler"],
        "WorkingDir": "/var/task",
        "Env": VARIABLES,
    }
    return Image(python_layer(), layer(code, *more), start={**wanted, **start}, **options)
