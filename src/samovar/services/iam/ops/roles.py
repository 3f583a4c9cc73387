"""Roles, and those that belong to a service."""

from msgspec.structs import replace

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.ids import uuid4
from samovar.policy.grammar import Kind
from samovar.services.iam import documents, holders, linked, names, pages
from samovar.services.iam.state import ROLE, Holder, State

_PREFIX = "/aws-service-role/"


async def create_role(state: State, ctx: Context, params: Params) -> Params:
    role = _trusting(state, _new(state, ctx, params), params["AssumeRolePolicyDocument"])
    await holders.create(state, role, "Role")
    shown = _shown(role)
    for later in ("MaxSessionDuration", "RoleLastUsed"):  # facts/iam.md §0.9
        shown.pop(later)
    return {"Role": shown}


async def get_role(state: State, ctx: Context, params: Params) -> Params:
    return {"Role": _shown(state.find(ctx, ROLE, params["RoleName"]), state)}


async def list_roles(state: State, ctx: Context, params: Params) -> Params:
    found = holders.under(state.all(ctx.account, ROLE), params)

    def show(role: Holder) -> Params:
        omitted = ("Tags", "PermissionsBoundary", "RoleLastUsed")
        return {name: value for name, value in _shown(role, state).items() if name not in omitted}

    return pages.page(found, params, pages.name, show, "Roles")


async def update_role(state: State, ctx: Context, params: Params) -> Params:
    await _update(state, ctx, params)
    return {}


async def update_role_description(state: State, ctx: Context, params: Params) -> Params:
    return {"Role": _shown(await _update(state, ctx, params), state)}


async def _update(state: State, ctx: Context, params: Params) -> Holder:
    role = _changeable(state, ctx, params["RoleName"])
    changed = replace(
        role,
        description=params.get("Description", role.description),
        max_session_s=params.get("MaxSessionDuration", role.max_session_s),
    )
    await state.put(changed)
    return changed


async def update_assume_role_policy(state: State, ctx: Context, params: Params) -> Params:
    role = _changeable(state, ctx, params["RoleName"])
    await state.put(_trusting(state, role, params["PolicyDocument"]))
    return {}


async def delete_role(state: State, ctx: Context, params: Params) -> Params:
    role = _changeable(state, ctx, params["RoleName"])
    if any(profile.role == role.name for _, profile in state.profiles.items((ctx.account,))):
        raise AwsError("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
    holders.check_empty(role)
    await state.commit(state.holders.deleting(role.key))
    return {}


async def put_role_permissions_boundary(state: State, ctx: Context, params: Params) -> Params:
    role = _changeable(state, ctx, params["RoleName"])
    await state.put(replace(role, boundary=holders.boundary(state, params["PermissionsBoundary"])))
    return {}


async def delete_role_permissions_boundary(state: State, ctx: Context, params: Params) -> Params:
    await state.put(replace(_changeable(state, ctx, params["RoleName"]), boundary=""))
    return {}


async def create_service_linked_role(state: State, ctx: Context, params: Params) -> Params:
    service, suffix = params["AWSServiceName"], params.get("CustomSuffix", "")
    name = linked.role_name(service, suffix)
    role = Holder(
        account=ctx.account,
        kind=ROLE,
        name=name,
        path=f"{_PREFIX}{service}/",
        id=names.unique_id("AROA"),
        created=state.clock.now(),
        description=params.get("Description"),
        attached=linked.policies(service),
    )
    if state.holders.get(role.key) is not None:
        message = f"Service role name {name} has been taken in this account, please try a different suffix."
        raise AwsError("InvalidInput", message)
    role = _trusting(state, role, linked.trust(service))
    await state.put(role)
    shown = _shown(role)
    shown.pop("RoleLastUsed")
    return {"Role": shown}


async def delete_service_linked_role(state: State, ctx: Context, params: Params) -> Params:
    role = state.find(ctx, ROLE, params["RoleName"])
    if not role.path.startswith(_PREFIX):
        raise AwsError("InvalidInput", f"{role.name} is not a service-linked role.")
    await state.commit(state.holders.deleting(role.key))
    return {"DeletionTaskId": f"task{role.path}{role.name}/{uuid4()}"}


async def get_service_linked_role_deletion_status(state: State, ctx: Context, params: Params) -> Params:
    """Deletions are done when they are acknowledged, so a task of any that is gone has succeeded."""
    task = params["DeletionTaskId"]
    if not task.startswith(f"task{_PREFIX}") or state.holder(ctx.account, ROLE, task.split("/")[-2]):
        raise AwsError("NoSuchEntity", f"The deletion task with id {task} cannot be found.")
    return {"Status": "SUCCEEDED"}


def _new(state: State, ctx: Context, params: Params) -> Holder:
    return Holder(
        account=ctx.account,
        kind=ROLE,
        name=params["RoleName"],
        path=params.get("Path", "/"),
        id=names.unique_id("AROA"),
        created=state.clock.now(),
        tags=names.tags(params.get("Tags")),
        boundary=holders.boundary(state, params.get("PermissionsBoundary", "")),
        description=params.get("Description"),
        max_session_s=params.get("MaxSessionDuration", 3600),
    )


def _trusting(state: State, role: Holder, text: str) -> Holder:
    document = documents.checked(text, Kind.TRUST)
    documents.check_length(documents.length(text), documents.TRUST_LIMIT, "ACLSizePerRole")
    bound = documents.bindings(document, role.account, lambda arn: holders.id_of(state, arn))
    return replace(role, trust=text, bound=bound)


def _changeable(state: State, ctx: Context, name: str) -> Holder:
    role = state.find(ctx, ROLE, name)
    if role.path.startswith(_PREFIX):
        message = f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
        raise AwsError("UnmodifiableEntity", message)
    return role


def _shown(role: Holder, state: State | None = None) -> Params:
    shown = {
        **holders.shown(role),
        "AssumeRolePolicyDocument": documents.encoded(holders.trust_shown(state, role) if state else role.trust),
        "MaxSessionDuration": role.max_session_s,
        "RoleLastUsed": {},
    }
    if role.description is not None:
        shown["Description"] = role.description
    return shown
