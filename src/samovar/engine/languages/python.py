"""Python: found by its files, initialised once in a zygote, with AWS's own client loop and SDK.

Owns: which interpreter runs which identifier: its own version or none. A runtime *pack* is a folder of AWS's client and
SDK for an interpreter that Samovar's own copies don't fit.
"""

import importlib.util
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from samovar.core.expressions import expression
from samovar.engine import debug
from samovar.engine.languages import Found, folders_of_programs, in_folder, kept_by, program
from samovar.engine.launch import Launch
from samovar.engine.model import Version
from samovar.sandbox.spec import Interpreter, ZygoteSpec

RUNTIME_CLIENT = Path(__file__).parent.parent.parent / "runtimes" / "python"
_VERSIONS = tuple((3, minor) for minor in range(8, 16))
_OLDEST_FOR_OWN_PACKAGES = (3, 10)
"""awslambdaric and boto3 as Samovar installs them need Python 3.10."""
_MODULES = tuple(
    "awslambdaric boto3 botocore dateutil jmespath s3transfer simplejson six snapshot_restore_py urllib3".split()
)
_TAKEN_LATE = frozenset(
    "PYTHONPATH PYTHONUNBUFFERED PYTHONDONTWRITEBYTECODE PYTHONSTARTUP PYTHONNOUSERSITE PYTHONUSERBASE".split()
)
"""Python's variables that hold in a process which has started before its function is known, or change nothing in a
function; for all others it has to start with them."""
_IDENTIFIER = expression(r"python(\d+)\.(\d+)")


class Python:
    def __init__(
        self, packs: Path, cache: Path, given: Mapping[str, Path], search: list[Path] | None = None
    ) -> None:
        """`given`: identifier -> the program that runs it, whatever its version."""
        self._packs = packs
        self._cache = cache
        self._interpreters = find_interpreters(search if search is not None else search_path())
        self._interpreters |= {_version(name): program(name, path) for name, path in given.items() if self.owns(name)}

    def owns(self, identifier: str) -> bool:
        return _IDENTIFIER.fullmatch(identifier) is not None

    def identifiers(self) -> list[str]:
        return [f"python{major}.{minor}" for major, minor in _VERSIONS]

    def found(self) -> list[Found]:
        return [self._found(interpreter) for _, interpreter in sorted(self._interpreters.items())]

    def problem(self, identifier: str) -> str:
        interpreter = self._interpreters.get(_version(identifier))
        if interpreter is not None:
            return self._found(interpreter).problem
        here = ", ".join(found.identifier for found in self.found() if not found.problem) or "no Python that would do"
        return (
            f"{identifier} is not installed on this machine; it has {here}. Install it "
            "(for example with pyenv, uv or your distribution's packages), then restart Samovar."
        )

    def zygote(self, identifier: str) -> ZygoteSpec:
        interpreter = self._interpreters[_version(identifier)]
        pack = self._pack(interpreter)
        packages = in_folder(RUNTIME_CLIENT)
        packages += in_folder(pack) if pack else own_packages()
        environ, cache = zygote_environ(identifier), self._cache / identifier
        return ZygoteSpec(interpreter, "samovar_runtime", None, packages, environ, cache)

    def launch(self, version: Version) -> Launch:
        environ = {**zygote_environ(version.runtime), "PWD": "/var/task", "SHLVL": "0"}
        at_start = any(
            text and name.startswith("PYTHON") and name not in _TAKEN_LATE for name, text in version.variables.items()
        )
        return Launch(
            version.runtime,
            prepared=True,
            frames=True,
            forks=True,
            told_ahead=True,
            environ=environ,
            at_start=at_start,
        )

    def tools(self) -> list[tuple[Path, str]]:
        """Samovar's own copy of debugpy, if it has one; a function's own wins."""
        found = importlib.util.find_spec("debugpy")
        if found is None or not found.submodule_search_locations:
            return []
        return [(Path(next(iter(found.submodule_search_locations))), "debugging/debugpy")]

    def program(self, version: Version) -> list[str]:
        executable = self._interpreters[_version(version.runtime)].executable
        command = [f"/var/lang/bin/{executable.name}", "/var/runtime/bootstrap.py"]
        debugged = debug.asked(version)
        if debugged is not None:
            # Breakpoints aren't met in modules that the interpreter has frozen (3.11 and later).
            command[1:1] = ["-X", "frozen_modules=off"]
            command += [str(debugged.port), "wait" if debugged.wait else "go"]
        return command

    def pack_folder(self, identifier: str) -> Path:
        return self._packs / identifier

    def _pack(self, interpreter: Interpreter) -> Path | None:
        folder = self.pack_folder(interpreter.name)
        return folder if (folder / "awslambdaric").is_dir() else None

    def _found(self, interpreter: Interpreter) -> Found:
        pack = self._pack(interpreter)
        problem = ""
        if pack is None and _version(interpreter.name) < _OLDEST_FOR_OWN_PACKAGES:
            problem = (
                f"{interpreter.name} is installed, but needs its own copies of AWS's runtime client and SDK: "
                f"run `samovar runtimes prepare {interpreter.name}` once."
            )
        remark = f"{interpreter.executable}{' (with a pack of its own)' if pack else ''}"
        return Found(interpreter.name, remark, problem)


def zygote_environ(identifier: str) -> dict[str, str]:
    """The part of facts/lambda-runtime.md §2.1 that is the same for every function of a version."""
    return {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{identifier}",
        "LANG": "en_US.UTF-8",
        "LC_CTYPE": "C.UTF-8",
        "LD_LIBRARY_PATH":
        "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "PYTHONPATH": "/var/runtime",
        "TZ": ":UTC",
    }


def search_path() -> list[Path]:
    """Folders where interpreters are looked for, best first: the server's own Python is one of them."""
    pyenv = (kept_by("PYENV_ROOT", ".pyenv"), "versions/*/bin")
    uv = (kept_by("UV_PYTHON_INSTALL_DIR", ".local/share/uv/python"), "*/bin")
    return [Path(sys.base_prefix, "bin"), *folders_of_programs(pyenv, uv)]


def find_interpreters(search: list[Path]) -> dict[tuple[int, int], Interpreter]:
    """The first complete CPython of each version in `search`, told by its files: nothing is run."""
    found: dict[tuple[int, int], Interpreter] = {}
    for folder in search:
        for major, minor in _VERSIONS:
            name = f"python{major}.{minor}"
            if (major, minor) in found or not os.path.exists(folder / name):
                continue
            executable = (folder / name).resolve()
            prefix = executable.parent.parent
            if executable.name == name and os.path.exists(prefix / "lib" / name / "os.py"):
                found[major, minor] = Interpreter(name, executable, prefix)
    return found


def own_packages() -> list[tuple[Path, str]]:
    """Where Samovar's own copies of AWS's client and SDK are, without importing them."""
    found = []
    for name in _MODULES:
        module = importlib.util.find_spec(name)
        if module is None:
            continue
        if module.submodule_search_locations:
            found.append((Path(next(iter(module.submodule_search_locations))), name))
        elif module.origin:
            found.append((Path(module.origin), Path(module.origin).name))
    return found


def _version(identifier: str) -> tuple[int, int]:
    match = _IDENTIFIER.fullmatch(identifier)
    assert match is not None
    return int(match[1]), int(match[2])
