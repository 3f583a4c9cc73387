"""Custom runtimes: `bootstrap` from the function's code or a layer, any language, over the Runtime API."""

from pathlib import Path

from samovar.engine.languages import NO_NETWORK, Found
from samovar.engine.launch import Launch
from samovar.engine.model import Version
from samovar.sandbox.spec import ZygoteSpec

_IDENTIFIERS = ("provided.al2023", "provided.al2")
_BOOTSTRAPS = (("/var/task/bootstrap",), ("/opt/bootstrap",))
"""facts/lambda-runtime.md §2.2."""
_ENVIRON = {
    "LANG": "en_US.UTF-8",
    "LD_LIBRARY_PATH": "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
    "PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "TZ": ":UTC",
}


class Custom:
    def __init__(self, cache: Path, own_network: bool) -> None:
        """`own_network`: whether each environment has one. On a shared one, others could reach its Runtime API."""
        self._cache = cache
        self._problem = "" if own_network else NO_NETWORK.format("A custom runtime")

    def owns(self, identifier: str) -> bool:
        return identifier in _IDENTIFIERS

    def identifiers(self) -> list[str]:
        return list(_IDENTIFIERS)

    def found(self) -> list[Found]:
        remark = "an executable `bootstrap`, in any language"
        return [Found(identifier, remark, self._problem) for identifier in _IDENTIFIERS]

    def problem(self, identifier: str) -> str:
        return self._problem

    def zygote(self, identifier: str) -> ZygoteSpec:
        return ZygoteSpec(None, "", None, [], {}, self._cache / identifier)

    def launch(self, version: Version) -> Launch:
        return Launch(version.runtime, prepared=False, frames=False, environ=_ENVIRON, programs=_BOOTSTRAPS)

    def tools(self) -> list[tuple[Path, str]]:
        return []

    def program(self, version: Version) -> list[str]:
        return []
