"""Who may do what with a function: single permissions, and policies as a whole (facts/lambda-api.md §5, §7)."""

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.ids import uuid4
from samovar.services.lambda_ import names, policies, qualified
from samovar.services.lambda_.names import LATEST, invalid
from samovar.services.lambda_.permissions import Permissions
from samovar.services.lambda_.policies import Policy
from samovar.services.lambda_.qualified import Named


async def add_permission(state: Permissions, ctx: Context, params: Params) -> Params:
    target = qualified.named(ctx, params)
    if target.qualifier == LATEST:
        raise invalid("We currently do not support adding policies for $LATEST.")
    _check_existence(state, ctx, target)
    policy = state.table.get(target.qualified)
    policies.check_revision(policy, params.get("RevisionId"))
    statement = policies.permission(params, target.arn)
    await state.keep(target.qualified, policies.added(policy, statement, uuid4()))
    return {"Statement": policies.written(statement)}


async def remove_permission(state: Permissions, ctx: Context, params: Params) -> Params:
    target = qualified.named(ctx, params)
    if state.functions.functions.get(target.key) is None:
        raise AwsError("ResourceNotFoundException", f"No policy found for: {names.function_arn(ctx, target.name)}")
    _check_existence(state, ctx, target)
    policy = _policy(state, target)
    rest = policies.removed(policy, params["StatementId"], uuid4())
    policies.check_revision(policy, params.get("RevisionId"))
    await state.keep(target.qualified, rest)
    return {}


async def get_policy(state: Permissions, ctx: Context, params: Params) -> Params:
    target = qualified.named(ctx, params)
    if state.functions.functions.get(target.key):
        _check_existence(state, ctx, target)
    policy = state.table.get(target.qualified)
    if policy is None:
        raise _nothing()
    return _shown(policy)


async def put_resource_policy(state: Permissions, ctx: Context, params: Params) -> Params:
    target = _resource(state, ctx, params)
    document = policies.parsed(params["Policy"], target.arn)
    policies.check_revision(state.table.get(target.qualified), params.get("RevisionId"), "GetResourcePolicy")
    policy = policies.replaced(document, uuid4())
    await state.keep(target.qualified, policy)
    return _shown(policy)


async def get_resource_policy(state: Permissions, ctx: Context, params: Params) -> Params:
    policy = state.table.get(_resource(state, ctx, params).qualified)
    if policy is None:
        raise _nothing()
    return _shown(policy)


async def delete_resource_policy(state: Permissions, ctx: Context, params: Params) -> Params:
    target = _resource(state, ctx, params)
    policies.check_revision(_policy(state, target), params.get("RevisionId"), "GetResourcePolicy")
    await state.keep(target.qualified, None)
    return {}


def _resource(state: Permissions, ctx: Context, params: Params) -> Named:
    """The function, version or alias of a ResourceArn; the policies of custom runtimes aren't there."""
    if ":function:" not in params["ResourceArn"]:
        raise _nothing()
    target = qualified.named(ctx, {"FunctionName": params["ResourceArn"]})
    if target.qualifier == LATEST:
        raise invalid("We currently do not support adding policies for $LATEST.")
    _check_existence(state, ctx, target)
    return target


def _check_existence(state: Permissions, ctx: Context, target: Named) -> None:
    state.functions.find(ctx, target.name)
    state.functions.resolve(ctx, target.name, target.qualifier, names.no_alias)


def _policy(state: Permissions, target: Named) -> Policy:
    policy = state.table.get(target.qualified)
    if policy is None:
        raise AwsError("ResourceNotFoundException", "No policy is associated with the given resource.")
    return policy


def _nothing() -> AwsError:
    return AwsError("ResourceNotFoundException", "The resource you requested does not exist.")


def _shown(policy: Policy) -> Params:
    return {"Policy": policy.text, "RevisionId": policy.revision}
