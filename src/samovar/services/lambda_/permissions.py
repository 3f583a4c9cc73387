"""The resource policies of functions: one for the function, one for each of its versions and aliases.

Owns: table `lambda.policies`. Rule: whoever changes a policy doesn't await between reading it and putting it.
"""

from samovar.services.lambda_.policies import Policy
from samovar.services.lambda_.qualified import QualifiedKey
from samovar.services.lambda_.state import State
from samovar.store.sqlite import Store
from samovar.store.table import Table


class Permissions:
    def __init__(self, functions: State, table: Table[Policy]) -> None:
        self.functions = functions
        self.table = table
        functions.belongings.append(table)

    @classmethod
    async def open(cls, store: Store, functions: State) -> "Permissions":
        return cls(functions, await Table.open(store, "lambda.policies", Policy))

    async def keep(self, key: QualifiedKey, policy: Policy | None) -> None:
        """Commit a policy, or that there is none any more."""
        if policy is None:
            await self.table.delete(key)
        else:
            await self.table.put(key, policy)
