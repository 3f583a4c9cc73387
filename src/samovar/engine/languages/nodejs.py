"""Node.js: found by asking the `node` programs of this machine; one process waits in each box for its function.

Owns: which node runs which identifier: its own major version or none. A *pack* is a folder of AWS's SDK, which AWS's
runtimes bring along; `samovar runtimes prepare` fetches it.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from samovar.core.expressions import expression
from samovar.engine import debug
from samovar.engine.languages import Found, folders_of_programs, in_folder, kept_by, program
from samovar.engine.launch import Launch
from samovar.engine.model import Version
from samovar.sandbox.spec import Command, Interpreter, ZygoteSpec

RUNTIME_CLIENT = Path(__file__).parent.parent.parent / "runtimes" / "nodejs"
_MAJORS = range(18, 27, 2)
_IDENTIFIER = expression(r"nodejs(\d+)\.x")
_FIRST_WITH_INSPECT_WAIT = 20
TAKEN_LATE = frozenset(
    "-r --require --import --enable-source-maps --no-deprecation --no-warnings --throw-deprecation --trace-deprecation "
    "--dns-result-order --stack-trace-limit".split()
)
"""NODE_OPTIONS that a process which has started already can still apply (runtimes/nodejs/options.cjs); for all others
it has to start with them."""
_AT_ITS_START = (
    "NODE_COMPILE_CACHE NODE_DEBUG NODE_DEBUG_NATIVE NODE_EXTRA_CA_CERTS NODE_ICU_DATA NODE_NO_WARNINGS "
    "NODE_PENDING_DEPRECATION NODE_PRESERVE_SYMLINKS NODE_USE_ENV_PROXY NODE_USE_SYSTEM_CA NODE_V8_COVERAGE "
    "OPENSSL_CONF SSL_CERT_DIR SSL_CERT_FILE"
).split()
"""Variables that Node.js reads before it runs anything (`node --help`, nodejs.org/api/cli)."""
_ASK_WITHIN_S = 10.0


class Nodejs:
    def __init__(self, packs: Path, cache: Path, given: Mapping[str, Path], search: list[Path] | None = None) -> None:
        """`given`: identifier -> the program that runs it, whatever its version."""
        self._packs = packs
        self._cache = cache
        self._given = given
        self._search = search if search is not None else search_path()

    @cached_property
    def _interpreters(self) -> dict[int, Interpreter]:
        chosen = {_major(name): program(name, path) for name, path in self._given.items() if self.owns(name)}
        return find_interpreters(self._search) | chosen

    def owns(self, identifier: str) -> bool:
        return _IDENTIFIER.fullmatch(identifier) is not None

    def identifiers(self) -> list[str]:
        return [f"nodejs{major}.x" for major in _MAJORS]

    def found(self) -> list[Found]:
        return [Found(one.name, self._remark(one)) for _, one in sorted(self._interpreters.items())]

    def problem(self, identifier: str) -> str:
        if _major(identifier) in self._interpreters:
            return ""
        here = ", ".join(found.identifier for found in self.found()) or "no Node.js at all"
        return (
            f"{identifier} is not installed on this machine; it has {here}. Install Node.js {_major(identifier)} "
            "(for example with nvm or your distribution's packages), then restart Samovar."
        )

    def zygote(self, identifier: str) -> ZygoteSpec:
        environ = _environ(identifier)
        interpreter = self._interpreters[_major(identifier)]
        executable = f"/var/lang/bin/{interpreter.executable.name}"
        command = Command([[executable, "/var/runtime/index.cjs"]], environ, "/", channel=True)
        packages = in_folder(RUNTIME_CLIENT) + self._sdk(identifier)
        return ZygoteSpec(interpreter, "", command, packages, {}, self._cache / identifier)

    def launch(self, version: Version) -> Launch:
        variables = version.variables
        at_start = any(map(variables.get, _AT_ITS_START)) or not applies_late(variables.get("NODE_OPTIONS", ""))
        environ = _environ(version.runtime)
        return Launch(version.runtime, prepared=True, frames=True, environ=environ, at_start=at_start)

    def pack_folder(self, identifier: str) -> Path:
        return self._packs / identifier

    def _sdk(self, identifier: str) -> list[tuple[Path, str]]:
        modules = self.pack_folder(identifier) / "node_modules"
        return [(modules, "node_modules")] if modules.is_dir() else []

    def _remark(self, one: Interpreter) -> str:
        hint = f" (without AWS's SDK, until `samovar runtimes prepare {one.name}` has fetched it)"
        return f"{one.executable}{'' if self._sdk(one.name) else hint}"

    def tools(self) -> list[tuple[Path, str]]:
        return []

    def program(self, version: Version) -> list[str]:
        executable = self._interpreters[_major(version.runtime)].executable
        flags = []
        debugged = debug.asked(version)
        if debugged is not None:
            waiting = "-wait" if _major(version.runtime) >= _FIRST_WITH_INSPECT_WAIT else "-brk"
            flags = [f"--inspect{waiting if debugged.wait else ''}=127.0.0.1:{debugged.port}"]
        return [f"/var/lang/bin/{executable.name}", *flags, "/var/runtime/program.cjs"]


def applies_late(options: str) -> bool:
    """Whether all of NODE_OPTIONS can be applied by a process that has started already."""
    names = (word.partition("=")[0].replace("_", "-") for word in options.split() if word.startswith("-"))
    return all(name in TAKEN_LATE for name in names)


def _environ(identifier: str) -> dict[str, str]:
    major = _major(identifier)
    modules = f"/opt/nodejs/node{major}/node_modules:/opt/nodejs/node_modules"
    return {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{identifier}",
        "LANG": "en_US.UTF-8",
        "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:"
        "/var/task:/var/task/lib:/opt/lib",
        "NODE_PATH": f"{modules}:/var/runtime/node_modules:/var/runtime:/var/task",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "PWD": "/var/task",
        "SHLVL": "0",
        "TZ": ":UTC",
    }


def search_path() -> list[Path]:
    """Folders where node is looked for, best first."""
    nvm = (kept_by("NVM_DIR", ".nvm"), "versions/node/*/bin")
    fnm = (kept_by("FNM_DIR", ".local/share/fnm"), "node-versions/*/installation/bin")
    return folders_of_programs(nvm, fnm)


def find_interpreters(search: list[Path]) -> dict[int, Interpreter]:
    """The first node of each major version that Lambda knows, told by asking them."""
    found: dict[int, Interpreter] = {}
    programs = [folder / "node" for folder in search]
    for executable in dict.fromkeys(each.resolve() for each in programs if os.path.exists(each)):
        try:
            done = subprocess.run(
                [executable, "--version"], capture_output=True, text=True, timeout=_ASK_WITHIN_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            continue  # not a node
        version = re.match(r"v(\d+)\.", done.stdout)
        if version and int(version[1]) in _MAJORS and executable.name == "node":
            major = int(version[1])
            found.setdefault(major, Interpreter(f"nodejs{major}.x", executable, executable.parent.parent))
    return found


def _major(identifier: str) -> int:
    match = _IDENTIFIER.fullmatch(identifier)
    assert match is not None
    return int(match[1])
