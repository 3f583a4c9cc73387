"""The operations of STS."""

import re
from typing import Any

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.core.expressions import expression
from samovar.policy import grammar
from samovar.policy.decision import Caller, decide
from samovar.policy.grammar import Kind
from samovar.policy.principals import Who
from samovar.policy.rules import Request, facts
from samovar.services.sts import oidc
from samovar.services.sts.sessions import Credentials
from samovar.services.sts.state import State

_CHAINED_S = 3600
_POLICY_LIMIT = 2048
_ROLE = expression(r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):role/(?:.*/)?(?P<name>[\w+=,.@-]+)", re.ASCII)


async def get_caller_identity(state: State, ctx: Context, params: Params) -> Params:
    """Needs no permission."""
    if ctx.session is not None:
        return {"UserId": ctx.session.user_id, "Account": ctx.account, "Arn": ctx.principal}
    return {"UserId": state.directory.id(ctx.principal) or ctx.account, "Account": ctx.account, "Arn": ctx.principal}


async def assume_role(state: State, ctx: Context, params: Params) -> Params:
    """Where nothing is enforced, a role needn't exist."""
    account, name = _role_parts(params["RoleArn"])
    chained = ctx.session if ctx.session is not None and ctx.session.role else None
    role = state.directory.role(params["RoleArn"])
    seconds = params.get("DurationSeconds", 3600)
    if chained and seconds > _CHAINED_S:
        raise _invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    _check_duration(seconds, role.max_session_s if role else 43200)
    tags = _session_tags(params)
    transitive = _transitive(params, tags, chained.transitive if chained else ())
    inherited = {key: chained.tags[key] for key in chained.transitive} if chained else {}
    session = params["RoleSessionName"]
    made = state.sessions.make(
        seconds,
        account,
        principal=f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
        user_id=f"{role.id if role else 'AROA' + name.upper()}:{session}",
        issuer=params["RoleArn"],
        issuer_id=role.id if role else "",
        role=True,
        tags={**tags, **inherited},
        transitive=transitive,
        source_identity=params.get("SourceIdentity") or (chained.source_identity if chained else ""),
        **_limits(params),
    )
    return _taken(made, params)


async def assume_role_with_web_identity(state: State, ctx: Context, params: Params) -> Params:
    """Who calls is said by the token, which a registered OpenID Connect provider has signed."""
    account, name = _role_parts(params["RoleArn"])
    identity = await oidc.verified(
        state.keyring, params["WebIdentityToken"], state.clock.now(), account, state.directory
    )
    role = state.directory.role(params["RoleArn"])
    who = Who(identity.provider, federated=identity.provider)
    request = Request("sts:AssumeRoleWithWebIdentity", params["RoleArn"], facts(identity.facts))
    if role is None or not decide(Caller(who), request, role.trust).allowed:
        raise AwsError("AccessDeniedException", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
    _check_duration(params.get("DurationSeconds", 3600), role.max_session_s)
    session = params["RoleSessionName"]
    made = state.sessions.make(
        params.get("DurationSeconds", 3600),
        account,
        principal=f"arn:aws:sts::{account}:assumed-role/{name}/{session}",
        user_id=f"{role.id}:{session}",
        issuer=role.arn,
        issuer_id=role.id,
        role=True,
        provider=identity.provider,
        facts=identity.facts,
        **_limits(params),
    )
    return {
        **_taken(made, params),
        "SubjectFromWebIdentityToken": identity.subject,
        "Provider": identity.provider,
        "Audience": identity.audience,
    }


async def get_session_token(state: State, ctx: Context, params: Params) -> Params:
    if ctx.session is not None:
        raise AwsError("AccessDeniedException", "Cannot call GetSessionToken with session credentials")
    root = ctx.principal.endswith(":root")
    if params.get("SerialNumber") or params.get("TokenCode"):
        raise AwsError(
            "AccessDeniedException", "MultiFactorAuthentication failed with invalid MFA one time pass code. "
        )
    seconds = params.get("DurationSeconds", 43200)
    made = state.sessions.make(min(seconds, 3600) if root else seconds, ctx.account, **_own(state, ctx))
    return {"Credentials": _shown(made)}


async def get_federation_token(state: State, ctx: Context, params: Params) -> Params:
    """Without a policy the session may do nothing but what resource policies let it."""
    if ctx.session is not None:
        raise AwsError("AccessDeniedException", "Cannot call GetFederationToken with session credentials")
    root, name = ctx.principal.endswith(":root"), params["Name"]
    seconds = params.get("DurationSeconds", 43200)
    principal = f"arn:aws:sts::{ctx.account}:federated-user/{name}"
    user_id = f"{ctx.account}:{name}"
    limits = {"policies": (), **_limits(params)}
    own = {**_own(state, ctx), "principal": principal, "user_id": user_id, "tags": _session_tags(params), **limits}
    made = state.sessions.make(min(seconds, 3600) if root else seconds, ctx.account, **own)
    return {
        "Credentials": _shown(made),
        "FederatedUser": {"FederatedUserId": user_id, "Arn": principal},
        "PackedPolicySize": _packed(params),
    }


async def get_access_key_info(state: State, ctx: Context, params: Params) -> Params:
    account = state.account_of(params["AccessKeyId"])
    if account is None:
        raise _invalid("Invalid Access Key ID format")
    return {"Account": account}


def _own(state: State, ctx: Context) -> dict[str, Any]:
    """A session with the caller's own rights."""
    id = state.directory.id(ctx.principal)
    return {"principal": ctx.principal, "user_id": id or ctx.account, "issuer": ctx.principal, "issuer_id": id}


def _role_parts(arn: str) -> tuple[str, str]:
    parts = _ROLE.fullmatch(arn)
    if parts is None:
        raise _invalid(f"{arn} is invalid")
    return parts["account"], parts["name"]


def _check_duration(seconds: int, limit: int) -> None:
    if seconds > limit:
        raise _invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")


def _session_tags(params: Params) -> dict[str, str]:
    listed = params.get("Tags") or []
    if len({tag["Key"].lower() for tag in listed}) < len(listed):
        message = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        raise AwsError("InvalidParameterValue", message)
    return {tag["Key"]: tag["Value"] for tag in listed}


def _transitive(params: Params, tags: dict[str, str], inherited: tuple[str, ...]) -> tuple[str, ...]:
    wanted = tuple(params.get("TransitiveTagKeys") or ())
    folded = {key.lower() for key in inherited}
    if any(key.lower() in folded for key in (*wanted, *tags)):
        raise AwsError(
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from "
            "the calling session.",
        )
    if {key.lower() for key in wanted} - {key.lower() for key in tags}:
        message = "The specified transitive tag key must be included in the requested tags."
        raise AwsError("InvalidParameterValue", message)
    return (*inherited, *wanted)


def _limits(params: Params) -> dict[str, Any]:
    """The session policies that a request asks for."""
    text = params.get("Policy")
    arns = tuple(each["arn"] for each in params.get("PolicyArns") or () if each.get("arn"))
    if not text and not arns:
        return {}
    if text:
        try:
            grammar.parse(text, Kind.IDENTITY)
        except grammar.Malformed as wrong:
            raise AwsError("MalformedPolicyDocument", str(wrong)) from None
    return {"policies": (text,) if text else (), "policy_arns": arns}


def _packed(params: Params) -> int:
    """How much of what AWS allows is used, in percent."""
    size = len(params.get("Policy") or "") + sum(len(t["Key"]) + len(t["Value"]) for t in params.get("Tags") or ())
    return min(100, -(-size * 100 // _POLICY_LIMIT)) if size else 0


def _taken(made: Credentials, params: Params) -> Params:
    answer: Params = {
        "Credentials": _shown(made),
        "AssumedRoleUser": {"AssumedRoleId": made.session.user_id, "Arn": made.session.principal},
    }
    if params.get("Policy") or params.get("PolicyArns") or params.get("Tags"):
        answer["PackedPolicySize"] = _packed(params)
    if made.session.source_identity:
        answer["SourceIdentity"] = made.session.source_identity
    return answer


def _shown(made: Credentials) -> Params:
    return {
        "AccessKeyId": made.access_key,
        "SecretAccessKey": made.secret,
        "SessionToken": made.token,
        "Expiration": made.expires_at,
    }


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)
