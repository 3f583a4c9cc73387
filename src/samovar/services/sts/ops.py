"""The operations of STS."""

from samovar.core.context import Context, Params


async def get_caller_identity(state: None, ctx: Context, params: Params) -> Params:
    """Needs no permission. Without IAM everybody is their account's root, whose UserId is the account."""
    return {"UserId": ctx.account, "Account": ctx.account, "Arn": ctx.principal}
