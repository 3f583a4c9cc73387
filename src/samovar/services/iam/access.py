"""What IAM's operations need to be allowed (service authorization reference, AWS Identity and Access Management)."""

from collections.abc import Callable

from samovar.core.access import Access, Given, on, request_tags
from samovar.core.context import Context, Params
from samovar.services.iam.state import State


def access(state: State) -> Access:
    return Access(
        "iam",
        on(
            (_named(state, "role", "RoleName"), _ROLE),
            (_linked_role, "CreateServiceLinkedRole"),
            (_task, "GetServiceLinkedRoleDeletionStatus"),
            (_named(state, "user", "UserName"), _USER),
            (_named(state, "group", "GroupName"), _GROUP),
            (_named(state, "instance-profile", "InstanceProfileName"), _PROFILE),
            (_policy, _POLICY),
            (_new_provider, "CreateOpenIDConnectProvider"),
            (lambda ctx, params: str(params["OpenIDConnectProviderArn"]), _PROVIDER),
            (lambda ctx, params: str(params["PolicySourceArn"]), _SOURCE),
        ),
        facts=_facts,
        tags=lambda arn: _tags(state, arn),
    )


_ROLE = """
    CreateRole GetRole UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy DeleteRole TagRole UntagRole ListRoleTags
    PutRolePolicy GetRolePolicy ListRolePolicies DeleteRolePolicy AttachRolePolicy DetachRolePolicy
    ListAttachedRolePolicies PutRolePermissionsBoundary DeleteRolePermissionsBoundary DeleteServiceLinkedRole
    ListInstanceProfilesForRole
"""
_USER = """
    CreateUser GetUser UpdateUser DeleteUser TagUser UntagUser ListUserTags PutUserPolicy GetUserPolicy ListUserPolicies
    DeleteUserPolicy AttachUserPolicy DetachUserPolicy ListAttachedUserPolicies PutUserPermissionsBoundary
    DeleteUserPermissionsBoundary CreateAccessKey ListAccessKeys UpdateAccessKey DeleteAccessKey CreateLoginProfile
    GetLoginProfile UpdateLoginProfile DeleteLoginProfile ListGroupsForUser
"""
_GROUP = """
    CreateGroup GetGroup UpdateGroup DeleteGroup AddUserToGroup RemoveUserFromGroup PutGroupPolicy GetGroupPolicy
    ListGroupPolicies DeleteGroupPolicy AttachGroupPolicy DetachGroupPolicy ListAttachedGroupPolicies
"""
_PROFILE = """
    CreateInstanceProfile GetInstanceProfile DeleteInstanceProfile AddRoleToInstanceProfile
    RemoveRoleFromInstanceProfile TagInstanceProfile UntagInstanceProfile ListInstanceProfileTags
"""
_POLICY = """
    CreatePolicy GetPolicy DeletePolicy CreatePolicyVersion GetPolicyVersion ListPolicyVersions SetDefaultPolicyVersion
    DeletePolicyVersion ListEntitiesForPolicy TagPolicy UntagPolicy ListPolicyTags
"""
_PROVIDER = """
    GetOpenIDConnectProvider UpdateOpenIDConnectProviderThumbprint AddClientIDToOpenIDConnectProvider
    RemoveClientIDFromOpenIDConnectProvider DeleteOpenIDConnectProvider TagOpenIDConnectProvider
    UntagOpenIDConnectProvider ListOpenIDConnectProviderTags
"""
_SOURCE = "SimulatePrincipalPolicy GetContextKeysForPrincipalPolicy"


def _named(state: State, kind: str, member: str) -> Callable[[Context, Params], str]:
    """By name; with the path that it has, or is to get."""

    def resource(ctx: Context, params: Params) -> str:
        name = str(params.get(member) or "")
        if not name:
            return ctx.principal if ctx.principal.startswith("arn:aws:iam:") else "*"
        if kind == "instance-profile":
            profile = state.profiles.get((ctx.account, name.lower()))
            path = profile.path if profile else params.get("Path", "/")
        else:
            holder = state.holder(ctx.account, kind, name)
            path = holder.path if holder else params.get("Path", "/")
        return f"arn:aws:iam::{ctx.account}:{kind}{path}{name}"

    return resource


def _linked_role(ctx: Context, params: Params) -> str:
    return f"arn:aws:iam::{ctx.account}:role/aws-service-role/{params['AWSServiceName']}/*"


def _task(ctx: Context, params: Params) -> str:
    path = str(params["DeletionTaskId"]).removeprefix("task/").rpartition("/")[0]
    return f"arn:aws:iam::{ctx.account}:role/{path}"


def _policy(ctx: Context, params: Params) -> str:
    given = params.get("PolicyArn")
    return str(given) if given else f"arn:aws:iam::{ctx.account}:policy{params.get('Path', '/')}{params['PolicyName']}"


def _new_provider(ctx: Context, params: Params) -> str:
    return f"arn:aws:iam::{ctx.account}:oidc-provider/{str(params['Url']).removeprefix('https://')}"


def _facts(ctx: Context, operation: str, params: Params) -> Given:
    found: dict[str, str | tuple[str, ...]] = {}
    for member, key in (
        ("PolicyArn", "iam:PolicyARN"),
        ("PermissionsBoundary", "iam:PermissionsBoundary"),
        ("AWSServiceName", "iam:AWSServiceName"),
    ):
        if params.get(member):
            found[key] = str(params[member])
    return {**found, **request_tags({tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()})}


def _tags(state: State, arn: str) -> dict[str, str] | None:
    account, _, rest = arn.partition("arn:aws:iam::")[2].partition(":")
    kind, _, path = rest.partition("/")
    if kind == "policy":
        policy = state.policies.get((account, arn))
        return policy.tags if policy else None
    holder = state.holder(account, kind, path.rpartition("/")[2])
    return holder.tags if holder else None
