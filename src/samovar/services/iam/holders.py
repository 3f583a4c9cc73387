"""What users, roles and groups have in common: being made, shown, listed, emptied, and holding policies."""

import re
from collections.abc import Iterable

from msgspec.structs import replace

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.policy import grammar, principals
from samovar.services.iam import documents, names, pages
from samovar.services.iam.state import GROUP, ROLE, USER, Holder, State

ATTACHED_LIMIT = 10
_QUOTAS = {USER: ("UsersPerAccount", 5000), ROLE: ("RolesPerAccount", 1000), GROUP: ("GroupsPerAccount", 300)}
_MEMBER = {USER: "UserName", ROLE: "RoleName", GROUP: "GroupName"}


async def create(state: State, holder: Holder, noun: str) -> None:
    if state.holders.get(holder.key) is not None:
        raise AwsError("EntityAlreadyExists", f"{noun} with name {holder.name} already exists.")
    quota, limit = _QUOTAS[holder.kind]
    documents.check_length(len(state.all(holder.account, holder.kind)) + 1, limit, quota)
    await state.put(holder)


def find(state: State, ctx: Context, kind: str, params: Params) -> Holder:
    return state.find(ctx, kind, params[_MEMBER[kind]])


def shown(holder: Holder) -> Params:
    noun = holder.kind.capitalize()
    answer: Params = {
        "Path": holder.path,
        f"{noun}Name": holder.name,
        f"{noun}Id": holder.id,
        "Arn": holder.arn,
        "CreateDate": holder.created,
    }
    if holder.tags:
        answer["Tags"] = names.shown_tags(holder.tags)
    if holder.boundary:
        answer["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": holder.boundary,
        }
    return answer


def under(found: Iterable[Holder], params: Params) -> list[Holder]:
    prefix = params.get("PathPrefix", "/")
    return [holder for holder in found if holder.path.startswith(prefix)]


def check_empty(holder: Holder) -> None:
    if holder.attached:
        raise AwsError("DeleteConflict", "Cannot delete entity, must detach all policies first.")
    if holder.inline:
        raise AwsError("DeleteConflict", "Cannot delete entity, must delete policies first.")


def boundary(state: State, arn: str) -> str:
    """The ARN of a boundary, if there is such a policy."""
    if arn and state.managed(arn) is None:
        raise AwsError("NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable.")
    return arn


def by_arn(state: State, arn: str) -> Holder | None:
    """The user, role or group that an ARN names."""
    parts = re.fullmatch(r"arn:aws:iam::(\d{12}):(user|role|group)(/.*)", arn)
    if parts is None:
        return None
    holder = state.holder(parts[1], parts[2], parts[3].rpartition("/")[2])
    return holder if holder is not None and holder.arn == arn else None


def id_of(state: State, arn: str) -> str | None:
    holder = by_arn(state, arn)
    return holder.id if holder else None


def gone(state: State, role: Holder) -> dict[str, str]:
    """ARN -> unique id of what the trust policy named and has been deleted since, perhaps made anew."""
    return {arn: id for arn, id in role.bound.items() if id_of(state, arn) != id}


def trust_shown(state: State, role: Holder) -> str:
    """The trust policy as AWS answers it: unique ids for principals that were deleted."""
    text = role.trust
    for arn, id in gone(state, role).items():
        text = text.replace(f'"{arn}"', f'"{id}"')
    return text


def trust(state: State, role: Holder) -> grammar.Document:
    """The trust policy as it counts: who was bound to an id is meant by that id."""
    document = grammar.parse(role.trust, grammar.Kind.TRUST)
    missing = gone(state, role)
    if not missing:
        return document
    return replace(document, statements=tuple(_bound(each, missing) for each in document.statements))


def _bound(statement: grammar.Statement, missing: dict[str, str]) -> grammar.Statement:
    named = statement.principals
    if named is None:
        return statement
    aws = frozenset(missing.get(arn, arn) for arn in named.aws)
    return replace(statement, principals=principals.Named(named.everybody, aws, named.services, named.federated))


def document(state: State, arn: str) -> str | None:
    """The text of a managed policy in force."""
    policy = state.managed(arn)
    return policy.document if policy else None


def sources(state: State, holder: Holder) -> list[tuple[str, str]]:
    """(name or ARN, text) of every policy that gives a holder something, its groups' too."""
    groups = holder.groups if holder.kind == USER else ()
    found = []
    for each in (holder, *(state.holder(holder.account, GROUP, name) for name in groups)):
        if each is not None:
            found += list(each.inline.items())
            found += [(arn, document(state, arn) or "") for arn in each.attached]
    return found


# --- inline policies


async def put_inline(state: State, ctx: Context, kind: str, params: Params) -> Params:
    holder = find(state, ctx, kind, params)
    documents.checked(params["PolicyDocument"])
    inline = {**holder.inline, params["PolicyName"]: params["PolicyDocument"]}
    limit = documents.INLINE_LIMITS[kind]
    size = sum(documents.length(text) for text in inline.values())
    if size > limit:
        message = f"Maximum policy size of {limit} bytes exceeded for {kind} {holder.name}"
        raise AwsError("LimitExceeded", message)
    await state.put(replace(holder, inline=inline))
    return {}


def get_inline(state: State, ctx: Context, kind: str, params: Params) -> Params:
    holder = find(state, ctx, kind, params)
    document = _inline(holder, params["PolicyName"])
    return {
        _MEMBER[kind]: holder.name,
        "PolicyName": params["PolicyName"],
        "PolicyDocument": documents.encoded(document),
    }


async def delete_inline(state: State, ctx: Context, kind: str, params: Params) -> Params:
    holder = find(state, ctx, kind, params)
    _inline(holder, params["PolicyName"])
    rest = {name: text for name, text in holder.inline.items() if name != params["PolicyName"]}
    await state.put(replace(holder, inline=rest))
    return {}


def list_inline(state: State, ctx: Context, kind: str, params: Params) -> Params:
    holder = find(state, ctx, kind, params)
    return pages.page(list(holder.inline), params, str, str, "PolicyNames")


def _inline(holder: Holder, name: str) -> str:
    if name not in holder.inline:
        raise AwsError("NoSuchEntity", f"The {holder.kind} policy with name {name} cannot be found.")
    return holder.inline[name]


# --- managed policies


async def attach(state: State, ctx: Context, kind: str, params: Params) -> Params:
    holder, arn = find(state, ctx, kind, params), params["PolicyArn"]
    check_policy_arn(arn)
    policy = state.managed(arn)
    if policy is None or policy.account not in ("aws", ctx.account):
        raise AwsError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.")
    if arn not in holder.attached:
        documents.check_length(len(holder.attached) + 1, ATTACHED_LIMIT, f"PoliciesPer{kind.capitalize()}")
        await state.put(replace(holder, attached=(*holder.attached, arn)))
    return {}


async def detach(state: State, ctx: Context, kind: str, params: Params) -> Params:
    holder, arn = find(state, ctx, kind, params), params["PolicyArn"]
    check_policy_arn(arn)
    if arn not in holder.attached:
        raise AwsError("NoSuchEntity", f"Policy {arn} was not found.")
    await state.put(replace(holder, attached=tuple(each for each in holder.attached if each != arn)))
    return {}


def list_attached(state: State, ctx: Context, kind: str, params: Params) -> Params:
    holder, prefix = find(state, ctx, kind, params), params.get("PathPrefix", "/")
    found = [policy for arn in holder.attached if (policy := state.managed(arn)) and policy.path.startswith(prefix)]
    return pages.page(
        found,
        params,
        pages.name,
        lambda policy: {"PolicyName": policy.name, "PolicyArn": policy.arn},
        "AttachedPolicies",
    )


def check_policy_arn(arn: str) -> None:
    if not re.fullmatch(r"arn:aws[a-z-]*:iam::(?:aws|\d{12}):policy/.+", arn):
        raise AwsError("ValidationError", "Invalid ARN:  Could not be parsed!")  # two blanks, recorded
