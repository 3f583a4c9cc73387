"""Managed policies and their versions."""

from msgspec.structs import replace

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.iam import documents, holders, names, pages
from samovar.services.iam.state import GROUP, ROLE, USER, Holder, Managed, PolicyVersion, State

VERSIONS_LIMIT = 5


async def create_policy(state: State, ctx: Context, params: Params) -> Params:
    now = state.clock.now()
    policy = Managed(
        account=ctx.account,
        name=params["PolicyName"],
        path=params.get("Path", "/"),
        id=names.unique_id("ANPA"),
        created=now,
        updated=now,
        versions={"v1": PolicyVersion(_checked(params["PolicyDocument"]), now)},
        default="v1",
        following=2,
        description=params.get("Description", ""),
        tags=names.tags(params.get("Tags")),
    )
    own = [each for _, each in state.policies.items((ctx.account,))]
    if any(each.name.lower() == policy.name.lower() for each in own):
        message = f"A policy called {policy.name} already exists. Duplicate names are not allowed."
        raise AwsError("EntityAlreadyExists", message)
    documents.check_length(len(own) + 1, 1500, "PoliciesPerAccount")
    await state.keep(policy)
    return {"Policy": _shown(state, ctx, policy)}


async def get_policy(state: State, ctx: Context, params: Params) -> Params:
    policy = _find(state, ctx, params["PolicyArn"])
    shown = _shown(state, ctx, policy)
    if policy.description:
        shown["Description"] = policy.description
    return {"Policy": {**shown, "Tags": names.shown_tags(policy.tags)}}


async def list_policies(state: State, ctx: Context, params: Params) -> Params:
    scope, prefix = params.get("Scope", "All"), params.get("PathPrefix", "/")
    found = [policy for _, policy in state.policies.items((ctx.account,))] if scope != "AWS" else []
    found += list(state.aws.values()) if scope != "Local" else []
    found = [policy for policy in found if policy.path.startswith(prefix)]
    if params.get("OnlyAttached"):
        found = [policy for policy in found if state.attached_to(ctx.account, policy.arn)]
    if params.get("PolicyUsageFilter") == "PermissionsBoundary":
        found = [policy for policy in found if state.bounded_by(ctx.account, policy.arn)]

    def show(policy: Managed) -> Params:
        return {name: value for name, value in _shown(state, ctx, policy).items() if name != "Tags"}

    return pages.page(found, params, lambda policy: policy.arn, show, "Policies")


async def delete_policy(state: State, ctx: Context, params: Params) -> Params:
    policy = _own(state, ctx, params["PolicyArn"])
    if state.attached_to(ctx.account, policy.arn) or state.bounded_by(ctx.account, policy.arn):
        raise AwsError("DeleteConflict", "Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise AwsError(
            "DeleteConflict",
            "This policy has more than one version. Before you delete a policy, you must delete the policy's "
            "versions. The default version is deleted with the policy.",
        )
    await state.commit(state.policies.deleting((policy.account, policy.arn)))
    return {}


async def create_policy_version(state: State, ctx: Context, params: Params) -> Params:
    policy = _own(state, ctx, params["PolicyArn"])
    document = _checked(params["PolicyDocument"])
    if len(policy.versions) >= VERSIONS_LIMIT:
        raise AwsError(
            "LimitExceeded",
            f"A managed policy can have up to {VERSIONS_LIMIT} versions. Before you create a new version, you must "
            "delete an existing version.",
        )
    now, number = state.clock.now(), f"v{policy.following}"
    changed = replace(
        policy,
        versions={**policy.versions, number: PolicyVersion(document, now)},
        default=number if params.get("SetAsDefault") else policy.default,
        following=policy.following + 1,
        updated=now,
    )
    await state.keep(changed)
    shown = _version(changed, number)
    shown.pop("Document")
    return {"PolicyVersion": shown}


async def get_policy_version(state: State, ctx: Context, params: Params) -> Params:
    policy = _find(state, ctx, params["PolicyArn"])
    _check_version(policy, params["VersionId"])
    return {"PolicyVersion": _version(policy, params["VersionId"])}


async def list_policy_versions(state: State, ctx: Context, params: Params) -> Params:
    policy = _find(state, ctx, params["PolicyArn"])

    def show(number: str) -> Params:
        return {name: value for name, value in _version(policy, number).items() if name != "Document"}

    newest_first = {number: f"{10**9 - int(number[1:])}" for number in policy.versions}
    return pages.page(list(policy.versions), params, newest_first.__getitem__, show, "Versions")


async def set_default_policy_version(state: State, ctx: Context, params: Params) -> Params:
    policy = _own(state, ctx, params["PolicyArn"])
    _check_version(policy, params["VersionId"])
    await state.keep(replace(policy, default=params["VersionId"], updated=state.clock.now()))
    return {}


async def delete_policy_version(state: State, ctx: Context, params: Params) -> Params:
    policy, number = _own(state, ctx, params["PolicyArn"]), params["VersionId"]
    _check_version(policy, number)
    if number == policy.default:
        raise AwsError("DeleteConflict", "Cannot delete the default version of a policy.")
    rest = {name: version for name, version in policy.versions.items() if name != number}
    await state.keep(replace(policy, versions=rest))
    return {}


async def list_entities_for_policy(state: State, ctx: Context, params: Params) -> Params:
    policy = _find(state, ctx, params["PolicyArn"])
    usage, kinds = params.get("PolicyUsageFilter"), params.get("EntityFilter")
    found = state.attached_to(ctx.account, policy.arn) if usage != "PermissionsBoundary" else []
    found += state.bounded_by(ctx.account, policy.arn) if usage != "PermissionsPolicy" else []
    found = [each for each in holders.under(found, params) if not kinds or each.kind.capitalize() == kinds]
    whole = pages.page(found, params, lambda each: f"{each.kind}/{each.name}", lambda each: each, "all")
    page: list[Holder] = whole.pop("all")
    return {**whole, **{f"Policy{kind.capitalize()}s": _named(page, kind) for kind in (USER, ROLE, GROUP)}}


def _named(found: list[Holder], kind: str) -> list[Params]:
    noun = kind.capitalize()
    return [{f"{noun}Name": each.name, f"{noun}Id": each.id} for each in found if each.kind == kind]


def _checked(document: str) -> str:
    documents.checked(document)
    documents.check_length(documents.length(document), documents.MANAGED_LIMIT, "PolicySize")
    return document


def _find(state: State, ctx: Context, arn: str) -> Managed:
    holders.check_policy_arn(arn)
    policy = state.managed(arn)
    if policy is None or policy.account not in ("aws", ctx.account):
        raise AwsError("NoSuchEntity", f"Policy {arn} was not found.")
    return policy


def _own(state: State, ctx: Context, arn: str) -> Managed:
    policy = _find(state, ctx, arn)
    if policy.account == "aws":
        raise AwsError("AccessDeniedException", f"The policy {arn} is AWS's own and can't be changed.")
    return policy


def _check_version(policy: Managed, number: str) -> None:
    if number not in policy.versions:
        raise AwsError("NoSuchEntity", f"Policy {policy.arn} version {number} does not exist or is not attachable.")


def _version(policy: Managed, number: str) -> Params:
    version = policy.versions[number]
    return {
        "Document": documents.encoded(version.document),
        "VersionId": number,
        "IsDefaultVersion": number == policy.default,
        "CreateDate": version.created,
    }


def _shown(state: State, ctx: Context, policy: Managed) -> Params:
    shown: Params = {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default,
        "AttachmentCount": len(state.attached_to(ctx.account, policy.arn)),
        "PermissionsBoundaryUsageCount": len(state.bounded_by(ctx.account, policy.arn)),
        "IsAttachable": True,
        "CreateDate": policy.created,
        "UpdateDate": policy.updated,
    }
    if policy.tags:
        shown["Tags"] = names.shown_tags(policy.tags)
    return shown
