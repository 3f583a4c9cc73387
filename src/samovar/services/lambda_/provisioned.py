"""Provisioned concurrency as it is kept: how much each version or alias was given.

Owns: the records, and telling the engine whenever what stands behind them has changed. The engine owns their
environments and their status, which therefore begin anew with every start of the server.
Facts: lambda-api.md §5, §10; lambda-limits.md §2.
"""

import time

from samovar.core.context import Params
from samovar.engine.provisioning import Provisioned, Status
from samovar.services.lambda_.function import Function, Key
from samovar.services.lambda_.ports import Engine
from samovar.services.lambda_.qualified import QualifiedKey
from samovar.services.lambda_.state import Provision, State


class Provisions:
    """Keeps the engine at what the records say."""

    def __init__(self, functions: State) -> None:
        self.functions = functions
        self._asked: dict[QualifiedKey, str] = {}
        """What the engine was asked for: the record's key -> the ARN."""
        functions.moved.append(self.follow)

    @property
    def engine(self) -> Engine:
        return self.functions.engine

    def follow(self, key: Key) -> None:
        """Something of this function has changed: bring the engine to what holds now."""
        held = {each: provision for each, provision in self.records(key) if self._shares(each, provision.units)}
        for gone in [each for each in self._asked if each[:3] == key and each not in held]:
            self.engine.unprovision(self._asked.pop(gone))
        for each, provision in held.items():
            self.ask(each, provision)

    def ask(self, key: QualifiedKey, provision: Provision, *, anew: bool = False) -> None:
        found = [(self.functions.runs(key[:3], number), units) for number, units in self._shares(key, provision.units)]
        shares = [(version, units) for version, units in found if version is not None]
        if not shares or len(shares) < len(found):
            return  # it is asked again when all versions have come into force
        arn = self._asked[key] = f"{shares[0][0].function_arn}:{key[3]}"
        self.engine.provision(arn, shares, anew=anew)

    def records(self, key: Key) -> list[tuple[QualifiedKey, Provision]]:
        """Those of a function, by qualifier."""
        found = self.functions.provisions.items(key)
        return [((*key, qualifier), provision) for (*_, qualifier), provision in found]

    def _shares(self, key: QualifiedKey, units: int) -> list[tuple[str, int]]:
        """The versions behind a record and what each gets, by the weights of an alias; nothing when they have gone."""
        alias = self.functions.aliases.get(key)
        if alias is None:
            published = self.functions.published(key[:3], key[3])
            return [(published.version, units)] if published is not None else []
        others = [(version, int(units * weight + 1e-9)) for version, weight in alias.weights.items()]
        return [(alias.version, units - sum(share for _, share in others)), *others]


def total(functions: State, function: Function) -> int:
    """What all qualifiers of the function have."""
    return sum(provision.units for _, provision in functions.provisions.items(function.key))


def describe(provision: Provision, stands: Provisioned | None) -> Params:
    """The members that Put, Get and List share."""
    shown: Params = {
        "RequestedProvisionedConcurrentExecutions": provision.units,
        "AvailableProvisionedConcurrentExecutions": stands.available if stands else 0,
        "AllocatedProvisionedConcurrentExecutions": stands.allocated if stands else 0,
        "Status": (stands.status if stands else Status.IN_PROGRESS).value,
    }
    if stands is not None and stands.reason:
        shown["StatusReason"] = stands.reason
    shown["LastModified"] = time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime(provision.modified_at))
    return shown
