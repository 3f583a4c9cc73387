"""The languages on this machine, and what each needs to serve functions.

Owns: which interpreter runs which runtime identifier, and the words for "not here". An identifier runs on its own
version or not at all. A runtime *pack* is a folder of AWS's client and SDK for an interpreter that Samovar's own
copies don't fit.
"""

import importlib.util
import os
import re
import sys
from pathlib import Path

import msgspec

from samovar.sandbox.spec import Interpreter, ZygoteSpec

RUNTIME_CLIENT = Path(__file__).parent.parent / "runtimes" / "python"
_VERSIONS = tuple((3, minor) for minor in range(8, 15))
_OLDEST_FOR_OWN_PACKAGES = (3, 10)
"""awslambdaric and boto3 as Samovar installs them need Python 3.10."""
_MODULES = tuple(
    "awslambdaric boto3 botocore dateutil jmespath s3transfer simplejson six snapshot_restore_py urllib3".split()
)
CUSTOM_RUNTIMES = ("provided.al2023", "provided.al2")
_IDENTIFIER = re.compile(r"python(\d+)\.(\d+)")


class Found(msgspec.Struct, frozen=True):
    """A runtime as `samovar runtimes` shows it."""

    identifier: str
    executable: Path
    pack: Path | None
    problem: str = ""
    """Why it can't run functions yet, and what to do; empty when it can."""


class Runtimes:
    """What is on this machine. Looked up once; a new interpreter needs a restart."""

    def __init__(self, data_dir: Path, search: list[Path] | None = None) -> None:
        self._packs = data_dir / "runtimes"
        self._cache = data_dir / "cache"
        self._interpreters = find_interpreters(search if search is not None else search_path())

    def all(self) -> list[Found]:
        return [self._found(interpreter) for _, interpreter in sorted(self._interpreters.items())]

    def problem(self, identifier: str) -> str | None:
        """Why `identifier` can't run here and what to do about it; None when it can."""
        if identifier in CUSTOM_RUNTIMES:
            return None
        match = _IDENTIFIER.fullmatch(identifier)
        if match is None:
            return f"Functions with the runtime {identifier} cannot run on this server yet: it runs {self._names()}."
        interpreter = self._interpreters.get((int(match[1]), int(match[2])))
        if interpreter is None:
            return (
                f"{identifier} is not installed on this machine; it has {self._names()}. Install it "
                f"(for example with pyenv, uv or your distribution's packages), then restart Samovar."
            )
        return self._found(interpreter).problem or None

    def zygote(self, identifier: str) -> ZygoteSpec:
        """What boxes are made of for a runtime that `problem` has nothing against."""
        if identifier in CUSTOM_RUNTIMES:
            return ZygoteSpec(None, "", None, [], {}, self._cache / identifier)
        match = _IDENTIFIER.fullmatch(identifier)
        assert match is not None
        interpreter = self._interpreters[int(match[1]), int(match[2])]
        pack = self._pack(interpreter)
        packages = _in_folder(RUNTIME_CLIENT)
        packages += _in_folder(pack) if pack else own_packages()
        environ, cache = zygote_environ(identifier), self._cache / identifier
        return ZygoteSpec(interpreter, "samovar_runtime", None, packages, environ, cache)

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
        return Found(interpreter.name, interpreter.executable, pack, problem)

    def _names(self) -> str:
        return ", ".join([found.identifier for found in self.all() if not found.problem] + list(CUSTOM_RUNTIMES))


def zygote_environ(identifier: str) -> dict[str, str]:
    """The environment of a zygote: the part of facts/lambda-runtime.md §2.1 that is the same for every function."""
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


def custom_environ() -> dict[str, str]:
    """The same for a custom runtime."""
    return {
        "LANG": "en_US.UTF-8",
        "LD_LIBRARY_PATH": "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
        "PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "TZ": ":UTC",
    }


def search_path() -> list[Path]:
    """Folders where interpreters are looked for, best first."""
    home = Path.home()
    folders = [Path(sys.base_prefix, "bin")]
    folders += [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    folders += sorted(home.glob(".pyenv/versions/*/bin"), reverse=True)
    folders += sorted(home.glob(".local/share/uv/python/*/bin"), reverse=True)
    folders += [Path("/usr/local/bin"), Path("/usr/bin")]
    return [folder for folder in dict.fromkeys(folders) if folder.name != "shims"]


def find_interpreters(search: list[Path]) -> dict[tuple[int, int], Interpreter]:
    """The first complete CPython of each version in `search`, told by its files: nothing is run."""
    found: dict[tuple[int, int], Interpreter] = {}
    for folder in search:
        for major, minor in _VERSIONS:
            name = f"python{major}.{minor}"
            if (major, minor) in found or not (folder / name).exists():
                continue
            executable = (folder / name).resolve()
            prefix = executable.parent.parent
            if executable.name == name and (prefix / "lib" / name / "os.py").exists():
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


def _in_folder(pack: Path) -> list[tuple[Path, str]]:
    return [(entry, entry.name) for entry in sorted(pack.iterdir()) if entry.name != "__pycache__"]


def _version(identifier: str) -> tuple[int, int]:
    match = _IDENTIFIER.fullmatch(identifier)
    assert match is not None
    return int(match[1]), int(match[2])
