"""An alias: a name that callers keep while the version behind it changes.

Owns: Alias, its routing, and how AWS shows it (facts/lambda-api.md §6). Pure: chance and revision ids are arguments.
Rule: a record is replaced, never changed; every change takes a new RevisionId.
"""

from collections.abc import Callable

import msgspec

from samovar.core import arn
from samovar.core.context import Params


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    account: str
    region: str
    function: str
    """Name of the function."""
    name: str
    version: str
    """A number, or `$LATEST`."""
    description: str
    weights: dict[str, float]
    """The other version (one at most) -> its share of the invocations, 0 to 1."""
    revision: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.account, self.region, self.function, self.name)

    @property
    def arn(self) -> str:
        return arn.make("lambda", self.region, self.account, f"function:{self.function}:{self.name}")

    def route(self, draw: Callable[[], float]) -> str:
        """The version for one invocation; `draw` gives a number from 0 up to, not including, 1."""
        for version, weight in self.weights.items():
            if draw() < weight:
                return version
        return self.version

    def uses(self, version: str) -> bool:
        return version == self.version or version in self.weights


def describe(alias: Alias) -> Params:
    """AliasConfiguration."""
    shown: Params = {
        "AliasArn": alias.arn,
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision,
    }
    if alias.weights:
        shown["RoutingConfig"] = {"AdditionalVersionWeights": alias.weights}
    return shown
