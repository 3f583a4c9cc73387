"""GetAccountAuthorizationDetails: every user, group, role and policy of an account, in one list of pages."""

from typing import Any

from samovar.core.context import Params
from samovar.services.iam import documents, holders, pages
from samovar.services.iam.state import GROUP, ROLE, USER, Holder, Managed, State

_LISTS = {"User": "UserDetailList", "Group": "GroupDetailList", "Role": "RoleDetailList"}


def everything(state: State, account: str, params: Params) -> Params:
    wanted = set(params.get("Filter") or ())
    found: list[tuple[str, Any]] = [
        (kind.capitalize(), holder) for kind in (USER, GROUP, ROLE) for holder in state.all(account, kind)
    ]
    found += [("LocalManagedPolicy", policy) for _, policy in state.policies.items((account,))]
    attached = {arn for _, holder in found if isinstance(holder, Holder) for arn in holder.attached}
    found += [("AWSManagedPolicy", policy) for arn, policy in state.aws.items() if arn in attached]
    if wanted:
        found = [(kind, each) for kind, each in found if kind in wanted]
    whole = pages.page(found, params, lambda each: f"{each[0]}/{each[1].arn}", lambda each: each, "page")
    page: list[tuple[str, Any]] = whole.pop("page")
    answer: Params = {name: [] for name in (*_LISTS.values(), "Policies")}
    for kind, each in page:
        if kind in _LISTS:
            answer[_LISTS[kind]].append(_holder(state, each))
        else:
            answer["Policies"].append(_policy(state, account, each))
    return {**answer, **whole}


def _holder(state: State, holder: Holder) -> Params:
    attached = [policy for arn in holder.attached if (policy := state.managed(arn))]
    inline = [
        {"PolicyName": name, "PolicyDocument": documents.encoded(text)} for name, text in sorted(holder.inline.items())
    ]
    shown: Params = {
        **holders.shown(holder),
        f"{holder.kind.capitalize()}PolicyList": inline,
        "AttachedManagedPolicies": [{"PolicyName": each.name, "PolicyArn": each.arn} for each in attached],
    }
    if holder.kind == USER:
        shown["GroupList"] = list(holder.groups)
    if holder.kind == ROLE:
        shown["AssumeRolePolicyDocument"] = documents.encoded(holders.trust_shown(state, holder))
        shown["InstanceProfileList"] = [
            {
                "Path": profile.path,
                "InstanceProfileName": profile.name,
                "InstanceProfileId": profile.id,
                "Arn": profile.arn,
                "CreateDate": profile.created,
                "Roles": [],
            }
            for _, profile in state.profiles.items((holder.account,))
            if profile.role == holder.name
        ]
        shown["RoleLastUsed"] = {}
    return shown


def _policy(state: State, account: str, policy: Managed) -> Params:
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default,
        "AttachmentCount": len(state.attached_to(account, policy.arn)),
        "PermissionsBoundaryUsageCount": len(state.bounded_by(account, policy.arn)),
        "IsAttachable": True,
        "CreateDate": policy.created,
        "UpdateDate": policy.updated,
        "PolicyVersionList": [
            {
                "Document": documents.encoded(version.document),
                "VersionId": number,
                "IsDefaultVersion": number == policy.default,
                "CreateDate": version.created,
            }
            for number, version in policy.versions.items()
        ],
    }
