"""Ruby: found by asking the `ruby` programs of this machine; a small client of our own, started with its function.

Owns: which Ruby runs which identifier: its own version, or what the settings name for it.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from samovar.core.expressions import expression
from samovar.engine.languages import NO_NETWORK, WRAPPING, Found, folders_of_programs, in_folder, kept_by
from samovar.engine.launch import Launch
from samovar.engine.model import Version
from samovar.sandbox.spec import Interpreter, ZygoteSpec

RUNTIME_CLIENT = Path(__file__).parent.parent.parent / "runtimes" / "ruby"
_IDENTIFIERS = ("ruby3.2", "ruby3.3", "ruby3.4", "ruby4.0")
_IDENTIFIER = expression(r"ruby(\d+\.\d+)")
_ASK_WITHIN_S = 10.0


class Ruby:
    def __init__(
        self, cache: Path, own_network: bool, given: Mapping[str, Path], search: list[Path] | None = None
    ) -> None:
        """`given`: identifier -> the program that runs it, whatever its version."""
        self._cache = cache
        self._own_network = own_network
        self._given = given
        self._search = search if search is not None else search_path()

    @cached_property
    def _interpreters(self) -> dict[str, Interpreter]:
        found = find_interpreters(self._search)
        for identifier, executable in self._given.items():
            if self.owns(identifier):
                found.update(find_interpreters([executable.parent], identifier, executable))
        return found

    def owns(self, identifier: str) -> bool:
        return _IDENTIFIER.fullmatch(identifier) is not None

    def identifiers(self) -> list[str]:
        return list(_IDENTIFIERS)

    def found(self) -> list[Found]:
        here = [each for each in _IDENTIFIERS if each in self._interpreters]
        return [Found(each, str(self._interpreters[each].executable), self.problem(each)) for each in here]

    def problem(self, identifier: str) -> str:
        if identifier in self._interpreters:
            return "" if self._own_network else NO_NETWORK.format(identifier)
        here = ", ".join(sorted(self._interpreters)) or "no Ruby at all"
        return (
            f"{identifier} is not installed on this machine; it has {here}. Install that Ruby (for example with rbenv "
            "or your distribution's packages), or name another one that may run it "
            f"(--interpreters {identifier}=PATH), then restart Samovar."
        )

    def zygote(self, identifier: str) -> ZygoteSpec:
        packages = [*in_folder(RUNTIME_CLIENT), WRAPPING]
        return ZygoteSpec(self._interpreters[identifier], "", None, packages, {}, self._cache / identifier)

    def launch(self, version: Version) -> Launch:
        programs = (self.program(version),)
        environ = _environ(version.runtime, self._interpreters[version.runtime].name)
        return Launch(version.runtime, prepared=False, frames=False, environ=environ, programs=programs)

    def tools(self) -> list[tuple[Path, str]]:
        return []

    def program(self, version: Version) -> list[str]:
        executable = self._interpreters[version.runtime].executable
        return [f"/var/lang/bin/{executable.name}", "-Eutf-8", "/var/runtime/bootstrap.rb"]


def _environ(identifier: str, name: str) -> dict[str, str]:
    """facts/lambda-runtime.md §2.1; the folders are those of the version that runs."""
    abi = f"{name.removeprefix('ruby')}.0"
    return {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{identifier}",
        "GEM_HOME": "/var/runtime",
        "GEM_PATH": f"/var/task/vendor/bundle/ruby/{abi}:/opt/ruby/gems/{abi}:/var/lang/lib/ruby/gems/{abi}",
        "LANG": "en_US.UTF-8",
        "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:"
        "/var/task:/var/task/lib:/opt/lib",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "PWD": "/var/task",
        "RUBYLIB": "/var/task:/var/runtime/lib:/opt/ruby/lib",
        "SHLVL": "0",
        "TZ": ":UTC",
    }


def search_path() -> list[Path]:
    """Folders where ruby is looked for, best first."""
    rbenv = (kept_by("RBENV_ROOT", ".rbenv"), "versions/*/bin")
    mise = (kept_by("MISE_DATA_DIR", ".local/share/mise"), "installs/ruby/*/bin")
    return folders_of_programs(rbenv, (Path.home(), ".rubies/*/bin"), mise, (Path("/opt/rubies"), "*/bin"))


def find_interpreters(search: list[Path], identifier: str = "", program: Path | None = None) -> dict[str, Interpreter]:
    """The first Ruby of each version, told by asking them; or that program, under the given identifier."""
    found: dict[str, Interpreter] = {}
    programs = [program] if program else [folder / "ruby" for folder in search]
    for executable in dict.fromkeys(each.resolve() for each in programs if os.path.exists(each)):
        try:
            done = subprocess.run(
                [executable, "--version"], capture_output=True, text=True, timeout=_ASK_WITHIN_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            continue  # not a Ruby
        version = re.match(r"ruby (\d+\.\d+)\.", done.stdout)
        if version:
            name = f"ruby{version[1]}"
            found.setdefault(identifier or name, Interpreter(name, executable, executable.parent.parent))
    return found
