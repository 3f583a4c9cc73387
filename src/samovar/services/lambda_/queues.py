"""Queues that a request names: of an event source mapping, of a destination, for dead letters.

Owns: asking the SQS service whether one is there. A service that isn't on this server has no queues.
"""

from samovar.core.arn import Arn
from samovar.core.context import Context
from samovar.core.errors import AwsError

NOT_THERE = frozenset({"NotImplementedException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
"""What the service answers then, or the server for a service that it doesn't have."""


async def url(ctx: Context, queue: Arn) -> str | None:
    """The queue's URL, None where there is no such queue. Raises what else SQS has against asking."""
    try:
        named = {"QueueName": queue.resource, "QueueOwnerAWSAccountId": queue.account}
        found: str = (await ctx.call("sqs", "GetQueueUrl", named))["QueueUrl"]
    except AwsError as error:
        if error.code not in NOT_THERE:
            raise
        return None
    return found


async def is_missing(ctx: Context, target: Arn | None) -> bool:
    """Whether a target of events is a queue of the caller's own that isn't there: others' can't be looked for."""
    if target is None or (target.service, target.account, target.region) != ("sqs", ctx.account, ctx.region):
        return False
    return await url(ctx, target) is None
