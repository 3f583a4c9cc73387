"""What the account may use in this region, and what it uses (facts/lambda-api.md §4.5, §10)."""

from samovar.core.context import Context, Params
from samovar.engine.archive import UNZIPPED_LIMIT
from samovar.engine.package import ZIPPED_LIMIT
from samovar.services.lambda_ import storage
from samovar.services.lambda_.state import State


async def get_account_settings(state: State, ctx: Context, params: Params) -> Params:
    return {
        "AccountLimit": {
            "TotalCodeSize": storage.TOTAL_LIMIT,
            "CodeSizeUnzipped": UNZIPPED_LIMIT,
            "CodeSizeZipped": ZIPPED_LIMIT,
            "ConcurrentExecutions": state.engine.concurrency,
            "UnreservedConcurrentExecutions": state.unreserved(ctx),
        },
        "AccountUsage": {
            "TotalCodeSize": storage.used(state, ctx),
            "FunctionCount": sum(1 for _ in state.functions.scan((ctx.account, ctx.region))),
        },
    }
