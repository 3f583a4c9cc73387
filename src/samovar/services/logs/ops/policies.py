"""Resource policies: what lets services write into the log groups of an account (facts/cloudwatch.md §2, §9).

Lacks: policies of single resources (`resourceArn`).
"""

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.policy import grammar
from samovar.policy.grammar import Kind
from samovar.services.logs import tokens
from samovar.services.logs.state import LogsState, ResourcePolicy, invalid

_MOST = 10
_LONGEST = 5120
_PAGE = 50


async def put_resource_policy(state: LogsState, ctx: Context, params: Params) -> Params:
    _check_scope(params)
    name, text = _named(params), params.get("policyDocument") or ""
    if len(text) > _LONGEST or not _is_document(text):
        raise invalid("Invalid policy document.")
    key = (ctx.account, ctx.region, name)
    if state.policies.get(key) is None and len(state.policies.items(key[:2])) >= _MOST:
        raise AwsError("LimitExceededException", "Resource limit exceeded.")
    policy = ResourcePolicy(text, state.now_ms())
    await state.policies.put(key, policy)
    return {"resourcePolicy": _shown(name, policy)}


async def describe_resource_policies(state: LogsState, ctx: Context, params: Params) -> Params:
    if params.get("resourceArn") or params.get("policyScope") == "RESOURCE":
        return {"resourcePolicies": []}
    after = tokens.read_key(params.get("nextToken"), str) or ""
    limit = params.get("limit") or _PAGE
    found = [(key[2], policy) for key, policy in state.policies.items((ctx.account, ctx.region)) if key[2] > after]
    answer: Params = {"resourcePolicies": [_shown(*each) for each in found[:limit]]}
    if len(found) > limit:
        answer["nextToken"] = tokens.after_key(found[limit - 1][0])
    return answer


async def delete_resource_policy(state: LogsState, ctx: Context, params: Params) -> Params:
    _check_scope(params)
    name = _named(params)
    if not await state.policies.delete((ctx.account, ctx.region, name)):
        raise AwsError("ResourceNotFoundException", f"Policy with name [{name}] does not exist.")
    return {}


def _named(params: Params) -> str:
    name: str = params.get("policyName") or ""
    if not name:
        raise invalid("1 validation error detected: Value null at 'policyName' failed to satisfy constraint: "
                      "Member must not be null")  # fmt: skip
    return name


def _check_scope(params: Params) -> None:
    if params.get("resourceArn"):
        text = "Policies of single log groups (resourceArn) are not implemented by this server yet."
        raise AwsError("NotImplementedException", text)


def _is_document(text: str) -> bool:
    try:
        grammar.parse(text, Kind.RESOURCE)
    except grammar.Malformed:
        return False
    return True


def _shown(name: str, policy: ResourcePolicy) -> Params:
    return {
        "policyName": name,
        "policyDocument": policy.document,
        "lastUpdatedTime": policy.updated_ms,
        "policyScope": "ACCOUNT",
    }
