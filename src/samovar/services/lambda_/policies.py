"""Resource policies: statements from permissions, the document they stand in, who may pass (facts/lambda-api.md §7).

Owns: Policy and its transitions, for function and layer policies alike. Pure: revision ids are arguments.
Rules: a policy without statements isn't there at all; every change takes a new RevisionId. What a URL's caller may do
is decided closed: a condition that isn't understood lets nobody in, and keeps everybody out who is denied by it.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from samovar.core.context import Params
from samovar.core.errors import AwsError
from samovar.core.expressions import expression
from samovar.services.lambda_.names import invalid

SIZE_LIMIT = 20480
"""Bytes of the document as compact JSON."""

Statement = dict[str, Any]

_ACCOUNT = expression(r"\d{12}")
_IDENTITY = expression(r"arn:aws[a-zA-Z-]*:(?:iam::\d{12}:(?:root|(?:user|role)/\S+)|sts::\d{12}:assumed-role/\S+)")
_SERVICE = expression(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:amazonaws\.com(?:\.cn)?|amazon\.com)")

_CONDITIONS = (
    ("StringEquals", "AWS:SourceAccount", "SourceAccount"),
    ("StringEquals", "lambda:FunctionUrlAuthType", "FunctionUrlAuthType"),
    ("StringEquals", "aws:PrincipalOrgID", "PrincipalOrgID"),
    ("StringEquals", "aws:PrincipalOrgID", "OrganizationId"),
    ("StringEquals", "lambda:EventSourceToken", "EventSourceToken"),
    ("ArnLike", "AWS:SourceArn", "SourceArn"),
)
"""(operator, key, member of AddPermission or AddLayerVersionPermission)."""


class Policy(msgspec.Struct, frozen=True):
    document: dict[str, Any]
    revision: str

    @property
    def text(self) -> str:
        """As GetPolicy answers it."""
        return written(self.document)

    @property
    def statements(self) -> list[Statement]:
        found = self.document.get("Statement", [])
        return [found] if isinstance(found, dict) else found


def written(value: object) -> str:
    """Compact JSON: how AWS answers policies and statements."""
    return msgspec.json.encode(value).decode()


def permission(params: Params, resource: str) -> Statement:
    """The statement that AddPermission or AddLayerVersionPermission asks for; raises for one that can't be."""
    if params.get("FunctionUrlAuthType") and params["Action"] != "lambda:InvokeFunctionUrl":
        raise invalid("FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action")
    statement: Statement = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(params["Principal"]),
        "Action": params["Action"],
        "Resource": resource,
    }
    conditions: dict[str, dict[str, str]] = {}
    for operator, key, member in _CONDITIONS:
        if params.get(member):
            conditions.setdefault(operator, {})[key] = params[member]
    if params.get("InvokedViaFunctionUrl") is not None:
        conditions["Bool"] = {"lambda:InvokedViaFunctionUrl": "true" if params["InvokedViaFunctionUrl"] else "false"}
    if conditions:
        statement["Condition"] = conditions
    return statement


def added(policy: Policy | None, statement: Statement, revision: str) -> Policy:
    """The policy with one more statement; raises when its Sid is taken or the document grows too large."""
    sid = statement["Sid"]
    statements = policy.statements if policy else []
    if any(each.get("Sid") == sid for each in statements):
        raise AwsError(
            "ResourceConflictException",
            f"The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the "
            "existing statement.",
        )
    around = policy.document if policy else {"Version": "2012-10-17", "Id": "default"}
    return replaced({**around, "Statement": [*statements, statement]}, revision)


def removed(policy: Policy, sid: str, revision: str) -> Policy | None:
    """The policy without a statement; None when that was the last one."""
    rest = [each for each in policy.statements if each.get("Sid") != sid]
    if len(rest) == len(policy.statements):
        raise AwsError("ResourceNotFoundException", f"Statement {sid} is not found in resource policy.")
    return Policy({**policy.document, "Statement": rest}, revision) if rest else None


def replaced(document: dict[str, Any], revision: str) -> Policy:
    size = len(written(document).encode())
    if size > SIZE_LIMIT:
        message = f"The final policy size ({size}) is bigger than the limit ({SIZE_LIMIT})."
        raise AwsError("PolicyLengthExceededException", message)
    return Policy(document, revision)


def check_revision(policy: Policy | None, given: str | None, api: str = "GetPolicy") -> None:
    """Refuse a change made in ignorance of the present revision; `api` is where AWS sends the caller for it."""
    if given and (policy is None or policy.revision != given):
        raise AwsError(
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. "
            f"Call the {api} API to retrieve the latest Revision Id",
        )


def parsed(text: str, resource: str) -> dict[str, Any]:
    """A whole document as PutResourcePolicy takes it; raises for one that isn't a policy of this resource."""
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise invalid("The policy is not valid JSON.") from None
    statements = document.get("Statement") if isinstance(document, dict) else None
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not statements:
        raise invalid("The policy must be an object with a list of statements.")
    for statement in statements:
        _check_statement(statement, resource)
    sids = [statement["Sid"] for statement in statements if "Sid" in statement]
    if len(set(sids)) < len(sids):
        raise invalid("Statement IDs (SID) in a single policy must be unique.")
    return dict(document)


def admits(policy: Policy | None, action: str, resource: str, facts: dict[str, str]) -> bool:
    """Whether the policy lets everybody (`Principal: "*"`) do this; `facts` are the condition keys that are known.

    Same-account identities and full evaluation are IAM's matter; this is what a request without a signature needs.
    """
    if policy is None:
        return False
    lower = {key.lower(): value for key, value in facts.items()}
    open_to_all = [each for each in policy.statements if _is_everybody(each.get("Principal"))]
    concerned = [each for each in open_to_all if _concerns(each, action, resource)]
    if any(each["Effect"] == "Deny" and _holds(each, lower, unknown=True) for each in concerned):
        return False
    return any(each["Effect"] == "Allow" and _holds(each, lower, unknown=False) for each in concerned)


def _principal(text: str) -> str | dict[str, str]:
    if text == "*":
        return "*"
    if _ACCOUNT.fullmatch(text):
        return {"AWS": f"arn:aws:iam::{text}:root"}
    if _IDENTITY.fullmatch(text):
        return {"AWS": text}
    if _SERVICE.fullmatch(text):
        return {"Service": text}
    raise invalid("The provided principal was invalid. Please check the principal and try again.")


def _check_statement(statement: object, resource: str) -> None:
    if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
        raise invalid("Every statement of the policy must be an object with the Effect Allow or Deny.")
    if not isinstance(statement.get("Sid", ""), str) or not isinstance(statement.get("Condition", {}), dict):
        raise invalid("The Sid of a statement must be text, its Condition an object.")
    if not isinstance(statement.get("Principal"), str | dict):
        raise invalid("Every statement of the policy must have a Principal.")
    actions = list(_texts(statement.get("Action")))
    if not actions or any(action != "*" and not action.startswith("lambda:") for action in actions):
        raise invalid("Every statement of the policy must have an Action of the service lambda.")
    if any(each != resource for each in _texts(statement.get("Resource", resource))):
        raise invalid(f"The Resource of every statement must be the policy's own: {resource}")


def _texts(value: object) -> Iterator[str]:
    """The strings of a member that may hold one or a list of them."""
    for each in value if isinstance(value, list) else [value]:
        if not isinstance(each, str):
            return
        yield each


def _is_everybody(principal: object) -> bool:
    return principal == "*" or (isinstance(principal, dict) and "*" in _texts(principal.get("AWS")))


def _concerns(statement: Statement, action: str, resource: str) -> bool:
    return any(_like(action.lower(), each.lower()) for each in _texts(statement.get("Action"))) and any(
        _like(resource, each) for each in _texts(statement.get("Resource", resource))
    )


def _holds(statement: Statement, facts: dict[str, str], unknown: bool) -> bool:
    """Whether all conditions are met; one that can't be judged counts as `unknown`."""
    for operator, keys in statement.get("Condition", {}).items():
        for key, expected in keys.items() if isinstance(keys, dict) else [("", None)]:
            values = expected if isinstance(expected, list) else [expected]
            texts = [each if isinstance(each, str) else written(each) for each in values]
            judged = _judge(operator, facts.get(key.lower()), texts)
            if not (unknown if judged is None else judged):
                return False
    return True


def _judge(operator: str, actual: str | None, expected: list[str]) -> bool | None:
    if actual is None:
        return None
    if operator in ("StringEquals", "Bool"):
        return actual in expected
    if operator in ("StringLike", "ArnLike"):
        return any(_like(actual, each) for each in expected)
    return None


def _like(text: str, pattern: str) -> bool:
    if "*" not in pattern and "?" not in pattern:
        return text == pattern
    wanted = "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.fullmatch(wanted, text, re.DOTALL) is not None
