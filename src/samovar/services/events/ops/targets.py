"""Targets of rules (facts/eventbridge.md §A2, §D)."""

import json

from samovar.core import arn
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.events import inputs, pages
from samovar.services.events.schedules import Schedules
from samovar.services.events.state import Target, invalid, too_many

MOST_TARGETS = 5
_KINDS = frozenset({"lambda", "sqs", "sns", "events", "logs", "states", "kinesis", "firehose"})
_INPUTS = ("Input", "InputPath", "InputTransformer")


async def put_targets(schedules: Schedules, ctx: Context, params: Params) -> Params:
    """Replaces those with the same id."""
    state = schedules.state
    rule = state.rule(ctx, params["Rule"], params.get("EventBusName"))
    given = [Target(said["Id"], said) for said in params["Targets"]]
    for target in given:
        _check(target.said)
    ids = {target.id for target in state.targets_of(rule)} | {target.id for target in given}
    if len(ids) > MOST_TARGETS:
        raise too_many()
    await state.store.transact(*(state.targets.putting((*rule.key, target.id), target) for target in given))
    return {"FailedEntryCount": 0, "FailedEntries": []}


async def remove_targets(schedules: Schedules, ctx: Context, params: Params) -> Params:
    state = schedules.state
    rule = state.rule(ctx, params["Rule"], params.get("EventBusName"))
    ids = params["Ids"]
    there = {target.id for target in state.targets_of(rule)}
    gone = [state.targets.deleting((*rule.key, id)) for id in set(ids) & there]
    if gone:
        await state.store.transact(*gone)
    failed = [
        {
            "TargetId": id,
            "ErrorCode": "ResourceNotFoundException",
            "ErrorMessage": f"Rule {rule.name} does not have a target with the Id {id}.",
        }
        for id in ids
        if id not in there
    ]
    return {"FailedEntryCount": len(failed), "FailedEntries": failed}


async def list_targets_by_rule(schedules: Schedules, ctx: Context, params: Params) -> Params:
    rule = schedules.state.rule(ctx, params["Rule"], params.get("EventBusName"))
    found = [(target.id, target.said) for target in schedules.state.targets_of(rule)]
    page, more = pages.cut(found, params)
    return {"Targets": page, **more}


def _check(said: Params) -> None:
    id, parsed = said["Id"], arn.parse(said["Arn"])
    if parsed is None:
        raise invalid(f"Parameter {said['Arn']} is not valid. Reason: Provided Arn is not in correct format.")
    if parsed.service not in _KINDS:
        raise AwsError("NotImplementedException", f"Targets of the service {parsed.service} are not on this server.")
    if sum(kind in said for kind in _INPUTS) > 1:
        raise invalid(f"Only one of Input, InputPath, or InputTransformer must be provided for target {id}.")
    if "Input" in said:
        try:
            json.loads(said["Input"])
        except (ValueError, RecursionError):
            raise invalid(f"JSON syntax error in input for target {id}.") from None
    if "InputPath" in said and not inputs.is_path(said["InputPath"]):
        raise invalid(f"Invalid InputPath for target {id}.")
    if "InputTransformer" in said:
        _check_transformer(id, said["InputTransformer"])


def _check_transformer(id: str, transformer: Params) -> None:
    paths = transformer.get("InputPathsMap", {})
    for expression in paths.values():
        if not inputs.is_path(expression):
            raise invalid(f"Invalid InputPath for target {id}.")
    for name in sorted(inputs.placeholders(transformer["InputTemplate"])):
        if name not in paths and name not in inputs.PREDEFINED:
            raise invalid(f"InputTemplate for target {id} contains invalid placeholder {name}.")
