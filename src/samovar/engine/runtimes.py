"""Which runtimes this machine has: asks each language in turn.

Owns: the list of languages, and the words for a runtime that belongs to none of them.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from samovar.engine import debug
from samovar.engine.languages import Found, Language, for_programs
from samovar.engine.languages.custom import Custom
from samovar.engine.languages.dotnet import Dotnet
from samovar.engine.languages.image import Images
from samovar.engine.languages.java import Java
from samovar.engine.languages.nodejs import Nodejs
from samovar.engine.languages.python import Python
from samovar.engine.languages.ruby import Ruby
from samovar.engine.launch import PROGRAM, Launch, fitted
from samovar.engine.model import Version
from samovar.engine.trust import IMAGES_VARIABLES, VARIABLES, Trust
from samovar.sandbox.spec import ZygoteSpec

_AS_CUSTOM = (
    "deploy it with Runtime=provided.al2023 as a self-contained executable named `bootstrap` that brings {client}, as "
    "it would run on AWS"
)
_ABSENT = {
    "go1.x": "go1.x ended on AWS in 2023: " + _AS_CUSTOM.format(client="aws-lambda-go (build tag lambda.norpc)"),
    "provided": "AL1's custom runtime ended on AWS in 2023: use provided.al2023.",
    "custom": "Customer-managed runtimes (images) are not implemented.",
}
"""What to do instead, by the beginning of the identifier."""


class Runtimes:
    """What is on this machine. Looked up once; a new interpreter needs a restart."""

    def __init__(
        self,
        data_dir: Path,
        own_network: bool = True,
        given: Mapping[str, Path] | None = None,
        debuggers: bool = False,
        cache: Path | None = None,
        trust: Trust | None = None,
    ) -> None:
        """`cache`: where what can be made again goes, if not into the data directory. `given`: identifier -> the
        program (of Java: the home) that runs it instead of what is found. `debuggers`: whether functions may be
        debugged. `trust`: what programs find of authorities, where the platform is reached by names."""
        cache, given = cache or data_dir / "cache", given or {}
        self._debuggers = debuggers
        self._own_network = own_network
        self._trust = trust
        packs = data_dir / "runtimes"
        self._python, self._nodejs = Python(packs, cache, given), Nodejs(packs, cache, given)
        self._java = Java(cache, own_network, given)
        self._languages: list[Language] = [
            self._python,
            self._nodejs,
            self._java,
            Ruby(cache, own_network, given),
            Dotnet(cache, own_network, given),
            Custom(cache, own_network),
            Images(cache, own_network),
        ]

    def known(self) -> list[str]:
        """Every runtime of Lambda that isn't long gone."""
        return [name for language in self._languages for name in language.identifiers()]

    def all(self) -> list[Found]:
        return [found for language in self._languages for found in language.found()]

    def pack_folder(self, identifier: str) -> Path | None:
        """Where a pack of this runtime is, or would be; None when it can't have one here."""
        for language in (self._python, self._nodejs):
            if identifier in [found.identifier for found in language.found()]:
                return language.pack_folder(identifier)
        return None

    def problem(self, identifier: str) -> str | None:
        """Why `identifier` can't run here and what to do about it; None when it can."""
        for language in self._languages:
            if language.owns(identifier):
                return language.problem(identifier) or None
        for beginning, instead in _ABSENT.items():
            if identifier.startswith(beginning):
                return instead
        here = ", ".join(found.identifier for found in self.all() if not found.problem)
        return f"Functions with the runtime {identifier} cannot run on this server: it runs {here}."

    def zygote(self, kind: str) -> ZygoteSpec:
        """What boxes of a kind are made of: of a runtime that `problem` has nothing against, or of its programs."""
        identifier = kind.removesuffix(PROGRAM)
        language = self._language(identifier)
        spec = language.zygote(identifier)
        spec = spec if kind == identifier else for_programs(spec, language.tools())
        return spec if self._trust is None else self._trust.shown(spec, language is self._java)

    def launch(self, version: Version, has_certificates: bool) -> Launch:
        """`has_certificates`: whether the version's root shows what programs are to trust."""
        language = self._language(version.runtime)
        if not self._debuggers and debug.VARIABLE in version.variables:
            variables = {name: text for name, text in version.variables.items() if name != debug.VARIABLE}
            version = msgspec.structs.replace(version, variables=variables)
        launch = language.launch(version)
        if self._trust is not None and has_certificates:
            trusting = VARIABLES if version.root is None else IMAGES_VARIABLES
            launch = msgspec.structs.replace(launch, environ={**trusting, **launch.environ})
        return fitted(launch, language.program(version), version, self._own_network)

    def _language(self, identifier: str) -> Language:
        return next(language for language in self._languages if language.owns(identifier))
