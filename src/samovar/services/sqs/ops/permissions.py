"""Statements of a queue's policy, one at a time (facts/sqs.md §7)."""

import re
from typing import Any

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.sqs.errors import invalid_value
from samovar.services.sqs.state import Queue, Sqs

MOST_ACTIONS = 7

_ACTIONS = frozenset(
    {
        *("*", "SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes"),
        *("GetQueueUrl", "ListDeadLetterSourceQueues", "PurgeQueue", "SetQueueAttributes", "AddPermission"),
        *("RemovePermission", "DeleteQueue"),
    }
)
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,80}")


async def add_permission(state: Sqs, ctx: Context, params: Params) -> Params:
    queue = state.find(ctx, params["QueueUrl"])
    label: str = params["Label"]
    actions: list[str] = params["Actions"]
    if not _LABEL.fullmatch(label):
        reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        raise invalid_value(label, "Label", reason)
    if len(actions) > MOST_ACTIONS:
        raise AwsError("OverLimit", f"{len(actions)} Actions were found, maximum allowed is {MOST_ACTIONS}.")
    for action in actions:
        if action not in _ACTIONS:
            reason = "Please refer to the appropriate WSDL for a list of valid actions. "
            raise invalid_value(f"SQS:{action}", "ActionName", reason)
    policy = _policy(queue)
    if any(statement.get("Sid") == label for statement in policy["Statement"]):
        raise invalid_value(label, "Label", "Already exists.")
    principals = [f"arn:aws:iam::{account}:root" for account in params["AWSAccountIds"]]
    policy["Statement"].append(
        {
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": _one_or_many(principals)},
            "Action": _one_or_many([f"SQS:{action}" for action in actions]),
            "Resource": queue.arn,
        }
    )
    await _keep(state, queue, policy)
    return {}


async def remove_permission(state: Sqs, ctx: Context, params: Params) -> Params:
    queue = state.find(ctx, params["QueueUrl"])
    label = params["Label"]
    policy = _policy(queue)
    rest = [statement for statement in policy["Statement"] if statement.get("Sid") != label]
    if len(rest) == len(policy["Statement"]):
        raise invalid_value(label, "Label", "can't find label.")
    await _keep(state, queue, {**policy, "Statement": rest})
    return {}


def _policy(queue: Queue) -> dict[str, Any]:
    text = queue.attributes.get("Policy")
    if not text:
        return {"Version": "2008-10-17", "Id": f"{queue.arn}/SQSDefaultPolicy", "Statement": []}
    policy: dict[str, Any] = msgspec.json.decode(text)
    statements = policy["Statement"]
    return {**policy, "Statement": list(statements) if isinstance(statements, list) else [statements]}


async def _keep(state: Sqs, queue: Queue, policy: dict[str, Any]) -> None:
    kept = {name: value for name, value in queue.attributes.items() if name != "Policy"}
    if policy["Statement"]:
        kept["Policy"] = msgspec.json.encode(policy).decode()
    await state.change(queue, attributes=kept, modified_s=int(state.clock.now()))


def _one_or_many(items: list[str]) -> str | list[str]:
    return items[0] if len(items) == 1 else items
