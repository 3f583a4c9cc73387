"""From an API as it is configured to what its stages serve: deployments (facts/apigateway.md §0.11, §9).

Rules: a deployment is a snapshot. With every change of routes, integrations and authorizers, stages with `AutoDeploy`
get a new one in the same commit; a deployment made in this way goes when no stage has it any more.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from samovar.services.apigatewayv2.records import Deployment, Record, Snapshot, Stage
from samovar.services.apigatewayv2.state import ApiKey, State, letters
from samovar.store.sqlite import Change
from samovar.store.table import Table

Edit = tuple[Table[Any], str, Record | None]
"""A part of an API as it is to be: its table, its id, the record (None: it goes)."""


async def change(state: State, key: ApiKey, *edits: Edit) -> None:
    """Commit parts of an API, deployed where stages want that."""
    stages = [stage for _, stage in state.stages.items(key) if stage.auto_deploy]
    await state.store.transact(*written(key, edits), *deployed(state, key, stages, edits))


def written(key: ApiKey, edits: Iterable[Edit]) -> list[Change]:
    return [
        table.deleting((*key, id)) if record is None else table.putting((*key, id), record)
        for table, id, record in edits
    ]


def deployed(state: State, key: ApiKey, stages: Iterable[Stage], edits: Iterable[Edit] = ()) -> list[Change]:
    """Gives stages, new or there, a deployment of the API as it will be after the edits."""
    stages = list(stages)
    if not stages:
        return []
    now, id = state.clock.now(), letters(6)
    deployment = Deployment(
        deployment_id=id,
        created_date=now,
        auto_deployed=True,
        description="Automatic deployment triggered by changes to the Api configuration",
        snapshot=snapshot(state, key, edits),
    )
    moved = [
        msgspec.structs.replace(
            stage,
            deployment_id=id,
            last_updated_date=now,
            last_deployment_status_message=f"Successfully deployed stage with deployment ID '{id}'",
        )
        for stage in stages
    ]
    return [
        state.deployments.putting((*key, id), deployment),
        *(state.stages.putting((*key, stage.stage_name), stage) for stage in moved),
        *left(state, key, stages),
    ]


def left(state: State, key: ApiKey, leaving: Iterable[Stage]) -> list[Change]:
    """Deletes the deployments that were made for these stages alone, which now leave them."""
    leaving = list(leaving)
    names = {stage.stage_name for stage in leaving}
    used = {stage.deployment_id for found, stage in state.stages.items(key) if found[3] not in names}
    gone = {stage.deployment_id for stage in leaving} - used
    return [
        state.deployments.deleting(found)
        for found, deployment in state.deployments.items(key)
        if deployment.auto_deployed and deployment.deployment_id in gone
    ]


def snapshot(state: State, key: ApiKey, edits: Iterable[Edit] = ()) -> Snapshot:
    """The API as it will be after the edits."""
    edits = list(edits)
    return Snapshot(
        _after(state.routes, key, edits),
        _after(state.integrations, key, edits),
        _after(state.authorizers, key, edits),
        _after(state.route_responses, key, edits),
        _after(state.integration_responses, key, edits),
        _after(state.models, key, edits),
    )


def _after(table: Table[Any], key: ApiKey, edits: list[Edit]) -> list[Any]:
    records = {found[3]: record for found, record in table.items(key)}
    for edited, id, record in edits:
        if edited is table and record is not None:
            records[id] = record
        elif edited is table:
            records.pop(id, None)
    return list(records.values())
