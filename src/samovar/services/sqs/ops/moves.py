"""StartMessageMoveTask and its siblings (facts/sqs.md §4)."""

from samovar.core import arn, ids
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.sqs import moves
from samovar.services.sqs.attributes import check_range
from samovar.services.sqs.errors import invalid
from samovar.services.sqs.moves import CANCELLING, RUNNING, Move, Moves
from samovar.services.sqs.state import Queue

MOST_ACTIVE = 100


async def start_message_move_task(state: Moves, ctx: Context, params: Params) -> Params:
    source = _queue(state, params["SourceArn"], "SourceArn")
    destination = params.get("DestinationArn") or ""
    if destination:
        _queue(state, destination, "DestinationArn")
    per_second = params.get("MaxNumberOfMessagesPerSecond") or 0
    if per_second:
        check_range(per_second, "MaxNumberOfMessagesPerSecond", 1, moves.FASTEST)
    if not state.state.sources(source):
        raise invalid("Source queue must be configured as a Dead Letter Queue.")
    active = [move for _, move in state.table.items() if move.status in (RUNNING, CANCELLING)]
    if any(move.source_arn == source.arn for move in active):
        raise AwsError(
            "UnsupportedOperation",
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        )
    if len(active) >= MOST_ACTIVE:
        raise AwsError("OverLimit", f"There may be at most {MOST_ACTIVE} active message move tasks.")
    move = Move(ids.uuid4(), source.arn, destination, per_second, state.state.total(source), state.state.now_ms())
    await state.start(move)
    return {"TaskHandle": moves.write_handle(move)}


async def cancel_message_move_task(state: Moves, ctx: Context, params: Params) -> Params:
    key = moves.read_handle(params["TaskHandle"])
    if key is None:
        raise invalid("Value for parameter TaskHandle is invalid.")
    move = state.table.get(key)
    if move is None:
        raise AwsError("ResourceNotFoundException", "Task does not exist.")
    if move.status != RUNNING:
        raise AwsError("UnsupportedOperation", "Only active tasks can be cancelled.")
    cancelled = await state.cancel(move)
    return {"ApproximateNumberOfMessagesMoved": cancelled.moved}


async def list_message_move_tasks(state: Moves, ctx: Context, params: Params) -> Params:
    source = _queue(state, params["SourceArn"], "SourceArn")
    limit = check_range(params.get("MaxResults") or 1, "MaxResults", 1, 10)
    found = [_shown(move) for move in state.of(source.arn)[:limit]]
    return {"Results": found} if found else {}


def _queue(state: Moves, text: str, parameter: str) -> Queue:
    if arn.parse(text) is None:
        form = "arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        raise invalid(f"You must use this format to specify the {parameter}: {form}")
    queue = state.state.by_arn(text)
    if queue is None:
        message = f"The resource that you specified for the {parameter} parameter doesn't exist."
        raise AwsError("ResourceNotFoundException", message)
    return queue


def _shown(move: Move) -> Params:
    shown: Params = {
        "Status": move.status,
        "SourceArn": move.source_arn,
        "ApproximateNumberOfMessagesMoved": move.moved,
        "ApproximateNumberOfMessagesToMove": move.to_move,
        "StartedTimestamp": move.started_ms,
    }
    if move.status == RUNNING:
        shown["TaskHandle"] = moves.write_handle(move)
    if move.destination_arn:
        shown["DestinationArn"] = move.destination_arn
    if move.per_second:
        shown["MaxNumberOfMessagesPerSecond"] = move.per_second
    if move.failure:
        shown["FailureReason"] = move.failure
    return shown
