"""What hangs on a function's qualifiers, each of which may have its own: policies, URLs, invoke configurations.

Owns: the keys of such records, and finding what a caller names. A record without a qualifier hangs on the function
itself. The records go together with what they hang on: their tables are among `State.belongings`.
"""

import msgspec

from samovar.core.context import Context, Params
from samovar.services.lambda_ import names
from samovar.services.lambda_.function import Key
from samovar.services.lambda_.names import LATEST
from samovar.services.lambda_.state import State

QualifiedKey = tuple[str, str, str, str]
"""Account, region, name, qualifier."""


class Named(msgspec.Struct, frozen=True):
    """What a request names: a function of the caller's, perhaps one of its versions or aliases."""

    key: Key
    qualifier: str
    """Empty when none was given."""
    arn: str
    """With the qualifier, if one was given."""

    @property
    def name(self) -> str:
        return self.key[2]

    @property
    def qualified(self) -> QualifiedKey:
        return (*self.key, self.qualifier)


def named(ctx: Context, params: Params) -> Named:
    target = names.locate(ctx, params["FunctionName"], params.get("Qualifier", ""))
    arn = names.function_arn(ctx, target.name, target.qualifier)
    return Named((ctx.account, ctx.region, target.name), target.qualifier, arn)


def exists(functions: State, target: Named) -> bool:
    """Whether there is the function and, if one was named, its version or alias."""
    if functions.functions.get(target.key) is None:
        return False
    if target.qualifier in ("", LATEST):
        return True
    return bool(functions.published(target.key, target.qualifier) or functions.aliases.get(target.qualified))
