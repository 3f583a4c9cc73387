"""Which runtimes this machine has: asks each language in turn.

Owns: the list of languages, and the words for a runtime that belongs to none of them.
"""

from pathlib import Path

from samovar.engine.languages import Found, Language, for_programs
from samovar.engine.languages.custom import Custom
from samovar.engine.languages.java import Java
from samovar.engine.languages.nodejs import Nodejs
from samovar.engine.languages.python import Python
from samovar.engine.launch import PROGRAM, Launch, fitted
from samovar.engine.model import Version
from samovar.sandbox.spec import ZygoteSpec


class Runtimes:
    """What is on this machine. Looked up once; a new interpreter needs a restart."""

    def __init__(self, data_dir: Path, own_network: bool = True) -> None:
        cache = data_dir / "cache"
        self._own_network = own_network
        self.python = Python(data_dir / "runtimes", cache)
        self._languages: list[Language] = [self.python, Nodejs(cache), Java(cache, own_network)]
        self._languages.append(Custom(cache, own_network))

    def all(self) -> list[Found]:
        return [found for language in self._languages for found in language.found()]

    def problem(self, identifier: str) -> str | None:
        """Why `identifier` can't run here and what to do about it; None when it can."""
        for language in self._languages:
            if language.owns(identifier):
                return language.problem(identifier) or None
        here = ", ".join(found.identifier for found in self.all() if not found.problem)
        return f"Functions with the runtime {identifier} cannot run on this server: it runs {here}."

    def zygote(self, kind: str) -> ZygoteSpec:
        """What boxes of a kind are made of: of a runtime that `problem` has nothing against, or of its programs."""
        identifier = kind.removesuffix(PROGRAM)
        spec = self._language(identifier).zygote(identifier)
        return spec if kind == identifier else for_programs(spec)

    def launch(self, version: Version) -> Launch:
        language = self._language(version.runtime)
        return fitted(language.launch(version), language.program(version), version, self._own_network)

    def _language(self, identifier: str) -> Language:
        return next(language for language in self._languages if language.owns(identifier))
