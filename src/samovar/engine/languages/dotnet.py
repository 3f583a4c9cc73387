""".NET: found by the `dotnet` of this machine and the frameworks beside it; a small client of our own for class
libraries.

Owns: which framework runs which identifier (its own major version or none), the client, compiled once by a C# compiler
of this machine, and the variables that a function starts with. A program that brings AWS's client needs no compiler.
The process isn't there before its function.
"""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import msgspec

from samovar.core.expressions import expression
from samovar.engine.languages import NO_NETWORK, WRAPPING, Found
from samovar.engine.languages.compiled import compile_by, digest, made_once
from samovar.engine.launch import Launch
from samovar.engine.model import Version
from samovar.sandbox.spec import Interpreter, ZygoteSpec

SOURCES = Path(__file__).parent.parent.parent / "runtimes" / "dotnet"
_IDENTIFIER = expression(r"dotnet(?:core)?(\d+)(?:\.\d+)?")
_IDENTIFIERS = ("dotnet6", "dotnet8", "dotnet10")
_FRAMEWORK = "shared/Microsoft.NETCore.App"
_CLIENT = "Samovar.Runtime"
_HEAP_SHARE = 0.75
"""Of MemorySize: .NET's own share of what a container has, which it can't see in a box."""
_SDK_COMPILER = "sdk/*/Roslyn/bincore/csc.dll"
_FACADES = ("mscorlib.dll", "netstandard.dll")
_ENVIRON = {
    "DOTNET_ROOT": "/var/lang",
    "LANG": "en_US.UTF-8",
    "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
    "PATH": "/var/lang:/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "TZ": ":UTC",
}
_AS_CUSTOM = (
    "deploy it with Runtime=provided.al2023 as a self-contained executable named `bootstrap` that brings "
    "Amazon.Lambda.RuntimeSupport, as it would run on AWS"
)
_NO_COMPILER = (
    "A handler ASSEMBLY::TYPE::METHOD needs a C# compiler once, and this machine has none: install the .NET SDK (or "
    "mono-mcs), then restart Samovar. Without one, make the function a program that brings "
    "Amazon.Lambda.RuntimeSupport, whose handler is its assembly's name"
)


class Framework(msgspec.Struct, frozen=True):
    root: Path
    """The folder of `dotnet`, `host` and `shared`."""
    version: str

    @property
    def libraries(self) -> Path:
        return self.root / _FRAMEWORK / self.version


class Dotnet:
    def __init__(
        self, cache: Path, own_network: bool, given: Mapping[str, Path], search: Sequence[Path] | None = None
    ) -> None:
        """`given`: identifier -> the `dotnet` that runs it, whatever its version."""
        self._cache = cache
        self._own_network = own_network
        self._given = given
        self._search = search if search is not None else search_path()

    @cached_property
    def _frameworks(self) -> dict[int, Framework]:
        chosen = {}
        for name, program in self._given.items():
            newest = sorted(find_frameworks([program.resolve().parent]).items(), reverse=True)
            if self.owns(name) and newest:
                chosen[_major(name)] = newest[0][1]
        return find_frameworks(self._search) | chosen

    @cached_property
    def _compiler(self) -> list[str]:
        """The command of a C# compiler: the newest SDK's, or Mono's; empty for none."""
        roots = dict.fromkeys(framework.root for framework in self._frameworks.values())
        found = [(_numbers(path.parts[-4]), root, path) for root in roots for path in root.glob(_SDK_COMPILER)]
        if found:
            _, root, path = max(found)
            return [str(root / "dotnet"), str(path)]
        mono = shutil.which("mcs")
        return [mono] if mono else []

    def owns(self, identifier: str) -> bool:
        return _IDENTIFIER.fullmatch(identifier) is not None

    def identifiers(self) -> list[str]:
        return list(_IDENTIFIERS)

    def found(self) -> list[Found]:
        here = [each for each in _IDENTIFIERS if _major(each) in self._frameworks]
        return [Found(each, self._remark(each), self.problem(each)) for each in here]

    def _remark(self, identifier: str) -> str:
        framework = self._frameworks[_major(identifier)]
        kinds = "" if self._compiler else "; programs only, as class libraries need a C# compiler once (the .NET SDK)"
        return f"{framework.root} ({framework.version}){kinds}"

    def problem(self, identifier: str) -> str:
        if _major(identifier) not in self._frameworks:
            here = ", ".join(f".NET {each}" for each in sorted(self._frameworks)) or "no .NET at all"
            return (
                f"{identifier} is not installed on this machine; it has {here}. Install the .NET {_major(identifier)} "
                f"SDK or runtime, or name another `dotnet` that may run it (--interpreters {identifier}=PATH), then "
                f"restart Samovar. Or {_AS_CUSTOM}."
            )
        return "" if self._own_network else NO_NETWORK.format(identifier)

    def zygote(self, identifier: str) -> ZygoteSpec:
        framework = self._frameworks[_major(identifier)]
        interpreter = Interpreter(identifier, framework.root / "dotnet", framework.root)
        packages = [(SOURCES / "bootstrap.sh", "bootstrap.sh"), WRAPPING]
        if self._compiler:
            packages += [(path, path.name) for path in sorted(self._client(framework).iterdir())]
        return ZygoteSpec(interpreter, "", None, packages, {}, self._cache / identifier)

    def launch(self, version: Version) -> Launch:
        heap = int(version.memory_mb * _HEAP_SHARE) << 20
        names = {"AWS_EXECUTION_ENV": f"AWS_Lambda_{version.runtime}", "LAMBDA_RUNTIME_NAME": version.runtime}
        # The older name is that of .NET Core 3.1.
        environ = names | _ENVIRON | {"DOTNET_GCHeapHardLimit": f"{heap:x}", "COMPlus_GCHeapHardLimit": f"{heap:x}"}
        if not _has_icu(self._frameworks[_major(version.runtime)]):
            environ["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1"
        refusal = _NO_COMPILER if "::" in version.handler and not self._compiler else ""
        programs = (self.program(version),)
        return Launch(
            version.runtime, prepared=False, frames=False, environ=environ, programs=programs, refusal=refusal
        )

    def tools(self) -> list[tuple[Path, str]]:
        return []

    def program(self, version: Version) -> list[str]:
        return ["/bin/sh", "/var/runtime/bootstrap.sh"]

    def _client(self, framework: Framework) -> Path:
        """The folder of the client, made if it isn't there. Takes seconds then; not for the event loop."""
        sources = sorted(SOURCES.glob("*.cs"))
        target = self._cache / f"dotnet-client-{digest(sources)}-{framework.version}"
        return made_once(target, lambda folder: _compile(self._compiler, framework, sources, folder / f"{_CLIENT}.dll"))


def _compile(compiler: Sequence[str], framework: Framework, sources: Sequence[Path], target: Path) -> None:
    """Against the framework itself: so it needs no packages, which would have to be fetched."""
    libraries = (path for path in sorted(framework.libraries.glob("*.dll")) if path.name not in _FACADES)
    command = [*compiler, "-noconfig", "-nostdlib", "-nologo", "-optimize+", "-target:exe", "-nowarn:1701,1702"]
    command += [f"-out:{target}", *(f"-r:{path}" for path in libraries), *map(str, sources)]
    compile_by(compiler[-1], command)
    target.chmod(0o644)


def search_path() -> list[Path]:
    """Folders that may hold a `dotnet`."""
    places = [Path(os.environ["DOTNET_ROOT"])] if os.environ.get("DOTNET_ROOT") else []
    program = shutil.which("dotnet")
    if program:
        places.append(Path(program).resolve().parent)
    homes = ("/usr/share/dotnet", "/usr/lib/dotnet", "/usr/lib64/dotnet", "/usr/local/share/dotnet", "/opt/dotnet")
    return [*places, *map(Path, homes), Path.home() / ".dotnet"]


def find_frameworks(search: Sequence[Path]) -> dict[int, Framework]:
    """The newest framework of each major version, of the first folder that has one: nothing is run."""
    found: dict[int, Framework] = {}
    for place in search:
        root = place.resolve()
        if not os.path.exists(root / "dotnet"):
            continue
        here: dict[int, Framework] = {}
        for path in sorted((root / _FRAMEWORK).glob("[0-9]*.*"), key=lambda path: _numbers(path.name)):
            here[_numbers(path.name)[0]] = Framework(root, path.name)
        found = here | found
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _major(identifier: str) -> int:
    match = _IDENTIFIER.fullmatch(identifier)
    assert match is not None
    return int(match[1])


def _has_icu(framework: Framework) -> bool:
    """Whether it finds one; a program that has none, and isn't told so, ends at its start."""
    if _numbers(framework.version)[0] < _FINDS_ANY_ICU:
        return False
    folders = (Path("/usr/lib"), Path("/usr/lib64"), Path("/lib"), Path("/lib64"))
    return any(next(folder.glob(pattern), None) for folder in folders for pattern in _ICU if folder.is_dir())


_ICU = ("libicuuc.so.*", "*/libicuuc.so.*")
_FINDS_ANY_ICU = 6
"""Frameworks before look for the versions of their time."""
