"""What the account may use in this region, and what it uses (facts/lambda-api.md §4.5, §10)."""

from samovar.core.context import Context, Params
from samovar.engine.archive import UNZIPPED_LIMIT
from samovar.engine.package import ZIPPED_LIMIT
from samovar.services.lambda_.state import State

_TOTAL_LIMIT = 300 << 30


async def get_account_settings(state: State, ctx: Context, params: Params) -> Params:
    functions = [function for _, function in state.functions.items((ctx.account, ctx.region))]
    versions = [version for _, version in state.versions.items((ctx.account, ctx.region))]
    layers = state.layers.versions(ctx.account, ctx.region)
    return {
        "AccountLimit": {
            "TotalCodeSize": _TOTAL_LIMIT,
            "CodeSizeUnzipped": UNZIPPED_LIMIT,
            "CodeSizeZipped": ZIPPED_LIMIT,
            "ConcurrentExecutions": state.engine.concurrency,
            "UnreservedConcurrentExecutions": state.unreserved(ctx),
        },
        "AccountUsage": {
            "TotalCodeSize": sum(deployed.code.size for deployed in (*functions, *versions))
            + sum(layer.size for layer in layers),
            "FunctionCount": len(functions),
        },
    }
