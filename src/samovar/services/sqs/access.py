"""What SQS's operations need to be allowed (service authorization reference, Amazon SQS)."""

from collections.abc import Mapping

from samovar.core import arn
from samovar.core.access import Access, Given, on, request_tags
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.sqs import moves
from samovar.services.sqs.moves import Moves
from samovar.services.sqs.state import Sqs, key_of_url

_ON_QUEUE = """
    SendMessage SendMessageBatch ReceiveMessage DeleteMessage DeleteMessageBatch ChangeMessageVisibility
    ChangeMessageVisibilityBatch GetQueueAttributes SetQueueAttributes DeleteQueue PurgeQueue AddPermission
    RemovePermission ListDeadLetterSourceQueues TagQueue UntagQueue ListQueueTags
"""


def access(state: Sqs, tasks: Moves) -> Access:
    return Access(
        "sqs",
        on(
            (_queue, _ON_QUEUE),
            (_named, "CreateQueue GetQueueUrl"),
            (lambda ctx, params: str(params["SourceArn"]), "StartMessageMoveTask ListMessageMoveTasks"),
            (lambda ctx, params: _moved(tasks, str(params["TaskHandle"])), "CancelMessageMoveTask"),
        ),
        actions={
            "SendMessageBatch": "SendMessage",
            "DeleteMessageBatch": "DeleteMessage",
            "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
        },
        facts=_facts,
        policy=lambda text: _policy(state, text),
        tags=lambda text: _tags(state, text),
    )


def _queue(ctx: Context, params: Params) -> str:
    try:
        account, region, name = key_of_url(ctx, str(params["QueueUrl"]))
    except AwsError:
        return "*"
    return arn.make("sqs", region, account, name)


def _named(ctx: Context, params: Params) -> str:
    return arn.make("sqs", ctx.region, params.get("QueueOwnerAWSAccountId") or ctx.account, params["QueueName"])


def _moved(tasks: Moves, handle: str) -> str:
    key = moves.read_handle(handle)
    move = tasks.table.get(key) if key else None
    return move.source_arn if move else "*"


def _facts(ctx: Context, operation: str, params: Params) -> Given:
    tags = params.get("tags") or params.get("Tags")
    return request_tags(tags if isinstance(tags, dict) else {})


def _policy(state: Sqs, text: str) -> object:
    queue = state.by_arn(text)
    return queue.attributes.get("Policy") if queue else None


def _tags(state: Sqs, text: str) -> Mapping[str, str] | None:
    queue = state.by_arn(text)
    return queue.tags if queue else None
