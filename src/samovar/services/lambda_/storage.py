"""How much code an account keeps in a region, and how much it may (facts/lambda-api.md §4.5, lambda-limits.md §1).

Every version of a function and every layer version counts as a copy of its own. What stays in a bucket doesn't count.
"""

from samovar.core.context import Context
from samovar.core.errors import AwsError
from samovar.engine.archive import UNZIPPED_LIMIT
from samovar.services.lambda_.state import State

TOTAL_LIMIT = 300 << 30


def used(state: State, ctx: Context) -> int:
    """Bytes of all zips that are kept here."""
    account = (ctx.account, ctx.region)
    functions = sum(function.code.stored for _, function in state.functions.scan(account))
    versions = sum(version.code.stored for _, version in state.versions.scan(account))
    return functions + versions + sum(layer.stored for layer in state.layers.versions(*account))


def check(state: State, ctx: Context, more: int) -> None:
    """Refuse `more` bytes that don't fit any more."""
    if not more:
        return
    zips = len(state.functions) + len(state.versions) + len(state.layers)
    if (zips + 1) * UNZIPPED_LIMIT > TOTAL_LIMIT and used(state, ctx) + more > TOTAL_LIMIT:
        raise AwsError("CodeStorageExceededException", "Code storage limit exceeded.")
