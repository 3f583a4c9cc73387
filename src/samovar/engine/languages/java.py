"""Java: found by the `release` files of this machine's JDKs; a small client of our own, compiled once by one of them.

Owns: which Java runs which identifier (its own major version or none), the client's classes, and the flags that AWS
starts a function's VM with. The VM isn't there before its function: its heap and JAVA_TOOL_OPTIONS are the function's.
"""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path

from samovar.core.expressions import expression
from samovar.engine import debug
from samovar.engine.languages import NO_NETWORK, WRAPPING, Found
from samovar.engine.languages.compiled import compile_by, digest, made_once
from samovar.engine.launch import Launch
from samovar.engine.model import Version
from samovar.engine.trust import JAVA_STORE
from samovar.sandbox.spec import Interpreter, ZygoteSpec

SOURCES = Path(__file__).parent.parent.parent / "runtimes" / "java"
_IDENTIFIER = expression(r"java(\d+)(?:\.al2(?:023)?)?")
_IDENTIFIERS = "java8.al2 java8.al2023 java11 java11.al2023 java17 java17.al2023 java21 java25".split()
_HEAP_SHARE = 0.85
"""Of MemorySize, as AWS's own VMs have it (seen in their -XX:MaxHeapSize)."""
_FLAGS = {
    "-Xmx": "-Xmx{heap_mb}m",
    "GC": "-XX:+UseSerialGC",
    "Tiered": "-XX:TieredStopAtLevel=1",
    "-Xshare": "-Xshare:auto",
    "javax.net.ssl.trustStore": f"-Djavax.net.ssl.trustStore={JAVA_STORE}",
}
"""Flag by what a function's JAVA_TOOL_OPTIONS mention to set it themselves: the command line would win over them."""
_ENVIRON = {
    "LANG": "en_US.UTF-8",
    "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "TZ": ":UTC",
}


class Java:
    def __init__(
        self, cache: Path, own_network: bool, given: Mapping[str, Path], search: Sequence[Path] | None = None
    ) -> None:
        """`given`: identifier -> the home of the Java that runs it, whatever its version."""
        self._cache = cache
        self._own_network = own_network
        self._given = given
        self._search = search if search is not None else search_path()

    @cached_property
    def _homes(self) -> dict[int, Path]:
        chosen = {_major(name): place.resolve() for name, place in self._given.items() if self.owns(name)}
        return find_homes(self._search) | chosen

    @cached_property
    def _compiler(self) -> Path | None:
        """Of the newest JDK."""
        compilers = (home / "bin" / "javac" for _, home in sorted(self._homes.items(), reverse=True))
        return next((compiler for compiler in compilers if compiler.exists()), None)

    def owns(self, identifier: str) -> bool:
        return _IDENTIFIER.fullmatch(identifier) is not None

    def identifiers(self) -> list[str]:
        return list(_IDENTIFIERS)

    def found(self) -> list[Found]:
        here = [each for each in _IDENTIFIERS if _major(each) in self._homes]
        return [Found(each, str(self._homes[_major(each)]), self.problem(each)) for each in here]

    def problem(self, identifier: str) -> str:
        major = _major(identifier)
        if major not in self._homes:
            here = ", ".join(f"Java {each}" for each in sorted(self._homes)) or "no Java at all"
            return (
                f"{identifier} is not installed on this machine; it has {here}. Install a JDK {major} (your "
                "distribution's openjdk package, or any other), then restart Samovar."
            )
        if self._compiler is None:
            return (
                f"{identifier} needs a Java compiler once, and this machine has only runtimes. Install a JDK (not a "
                "JRE) of any version, then restart Samovar."
            )
        if not (self._homes[major] / "bin" / "java").exists():
            return f"There is no bin/java in {self._homes[major]}, which --interpreters names for {identifier}."
        return "" if self._own_network else NO_NETWORK.format(identifier)

    def zygote(self, identifier: str) -> ZygoteSpec:
        home = self._homes[_major(identifier)]
        interpreter = Interpreter(identifier, home / "bin" / "java", home)
        classes = self._classes()
        packages = [(classes / "samovar", "java/samovar"), (classes / "com", "java-core/com"), WRAPPING]
        cache = self._cache / identifier
        return ZygoteSpec(interpreter, "", None, packages, {}, cache, shared=_outside(home))

    def launch(self, version: Version) -> Launch:
        environ = {"AWS_EXECUTION_ENV": f"AWS_Lambda_{version.runtime}", **_ENVIRON}
        programs = (self.program(version),)
        return Launch(version.runtime, prepared=False, frames=False, environ=environ, programs=programs)

    def tools(self) -> list[tuple[Path, str]]:
        return []

    def program(self, version: Version) -> list[str]:
        options = version.variables.get("JAVA_TOOL_OPTIONS", "")
        heap_mb = int(version.memory_mb * _HEAP_SHARE)
        flags = [flag.format(heap_mb=heap_mb) for word, flag in _FLAGS.items() if word not in options]
        debugged = debug.asked(version)
        if debugged is not None:
            suspend = "y" if debugged.wait else "n"
            agent = f"transport=dt_socket,server=y,suspend={suspend},address=127.0.0.1:{debugged.port}"
            flags.append(f"-agentlib:jdwp={agent}")
        encoding = [f"-D{name}.encoding=UTF-8" for name in ("file", "stdout", "stderr")]
        paths = ["/var/task", "/opt", "/var/runtime/java-core"]
        return ["/var/lang/bin/java", *flags, *encoding, "-cp", "/var/runtime/java", "samovar.runtime.Main", *paths]

    def _classes(self) -> Path:
        """The folder of the client's classes, made if it isn't there. Takes seconds then; not for the event loop."""
        sources = sorted(SOURCES.rglob("*.java"))
        assert self._compiler is not None
        target = self._cache / f"java-client-{digest(sources)}"
        return made_once(target, partial(_compile, self._compiler, sources))


def _compile(compiler: Path, sources: Sequence[Path], target: Path) -> None:
    command = [str(compiler), "-nowarn", "-Xlint:-options", "-proc:none", "-source", "8", "-target", "8"]
    command += ["-encoding", "UTF-8", "-d", str(target), *map(str, sources)]
    compile_by(str(compiler), command)


def search_path() -> list[Path]:
    """Homes of Java, and folders that may hold some."""
    places = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    launcher = shutil.which("java")
    if launcher:
        places.append(Path(launcher).resolve().parent.parent)
    for folder in (Path("/usr/lib/jvm"), Path("/opt"), Path.home() / ".sdkman/candidates/java", Path.home() / ".jdks"):
        places += sorted(folder.glob("*"), reverse=True)  # empty where this user can't look
    return places


def find_homes(search: Sequence[Path]) -> dict[int, Path]:
    """The first Java of each major version, told by its `release` file: nothing is run."""
    found: dict[int, Path] = {}
    for place in search:
        home = place.resolve()
        try:
            release = (home / "release").read_text(errors="replace")
        except OSError:
            continue
        version = re.search(r'JAVA_VERSION="(?:1\.)?(\d+)', release)
        if version and os.path.exists(home / "bin" / "java"):
            found.setdefault(int(version[1]), home)
    return found


def _outside(home: Path) -> list[Path]:
    """Folders below /etc that a distribution's Java has its configuration in."""
    found = set()
    for folder in (home / "conf", home / "lib", home / "conf" / "security", home / "lib" / "security"):
        for entry in folder.glob("*"):
            target = os.path.realpath(entry)
            if entry.is_symlink() and target.startswith("/etc/"):
                found.add(Path(*Path(target).parts[:3]))
    return sorted(found - {Path("/etc/ssl")})


def _major(identifier: str) -> int:
    match = _IDENTIFIER.fullmatch(identifier)
    assert match is not None
    return int(match[1])
