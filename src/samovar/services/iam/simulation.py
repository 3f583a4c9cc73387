"""Decisions for the simulator, one per action and resource (facts/iam.md §2). Pure."""

from collections.abc import Iterable

from samovar.core.context import Params
from samovar.core.errors import AwsError
from samovar.policy import decision
from samovar.policy.decision import Caller, Decision
from samovar.policy.grammar import Kind
from samovar.policy.rules import Request, Rules, Statement, facts
from samovar.services.iam import documents, pages

_TYPES = {"identity": "IAM Policy", "resource": "Resource Policy", "boundary": "Permissions Boundary Policy"}


def results(caller: Caller, params: Params) -> Params:
    given = {
        entry["ContextKeyName"]: tuple(entry.get("ContextKeyValues", ()))
        for entry in params.get("ContextEntries", ())
        if entry.get("ContextKeyName")
    }
    known = facts(given)
    policy = params.get("ResourcePolicy")
    resource = Rules([("ResourcePolicy", documents.checked(policy, Kind.RESOURCE))]) if policy else None
    owner = params.get("ResourceOwner", "").split(":")[4:5]
    asked = [(action, arn) for action in params["ActionNames"] for arn in params.get("ResourceArns") or ["*"]]
    for action in params["ActionNames"]:
        if ":" not in action and action != "*":
            raise AwsError("InvalidInput", f"Invalid Action Name: {action}")

    def result(numbered: tuple[int, tuple[str, str]]) -> Params:
        action, arn = numbered[1]
        request = Request(action, arn, known)
        made = decision.decide(caller, request, resource, account=owner[0] if owner else "")
        missing = _missing(caller, resource, request)
        return {
            "EvalActionName": action,
            "EvalResourceName": arn,
            "EvalDecision": "allowed" if made.allowed else "explicitDeny" if made.explicit else "implicitDeny",
            "MatchedStatements": _matched(made),
            "MissingContextValues": missing,
            **_bounded(caller, request),
        }

    return pages.page(list(enumerate(asked)), params, lambda each: f"{each[0]:06}", result, "EvaluationResults")


def keys(rules: Iterable[Rules]) -> list[str]:
    return sorted({key for each in rules for statement in each.statements for key in statement.keys})


def _bounded(caller: Caller, request: Request) -> Params:
    if caller.boundary is None:
        return {}
    allowed = caller.boundary.say(request).allowed is not None
    return {"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": allowed}}


def _matched(made: Decision) -> list[Params]:
    statement: Statement | None = made.statement
    if statement is None:
        return []
    return [{"SourcePolicyId": statement.source, "SourcePolicyType": _TYPES.get(made.by, "none")}]


def _missing(caller: Caller, resource: Rules | None, request: Request) -> list[str]:
    sets = [rules for rules in (caller.identity, caller.boundary, resource) if rules is not None]
    asked = {key for rules in sets for statement in rules.about(request.folded) for key in statement.keys}
    return sorted(key for key in asked if request.facts(key) is None)
