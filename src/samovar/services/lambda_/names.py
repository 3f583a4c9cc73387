"""Which function a caller means: names, partial ARNs, ARNs and qualifiers (facts/lambda-api.md §3).

Owns: Target and the parsing outcomes that AWS was recorded to give. Refuses: looking anything up.
Rule: `wire` has checked the model's patterns already; what is checked here is what those patterns let through.
"""


import msgspec

from samovar.core import arn
from samovar.core.context import Context
from samovar.core.errors import AwsError
from samovar.core.expressions import expression

LATEST = "$LATEST"
NAME_LIMIT = 64

_REGION = r"(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}"
_PREFIX = rf"(arn:(aws[a-zA-Z-]*)?:lambda:)?({_REGION}:)?(\d{{12}}:)?(function:)?"
UNQUALIFIED_PATTERN = _PREFIX + r"([a-zA-Z0-9-_]+)"
NAMESPACED_PATTERN = _PREFIX + r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"

_PARTS = expression(
    r"(?P<arn>arn:(?:aws[a-zA-Z-]*)?:lambda:)?"
    rf"(?:(?P<region>{_REGION}):)?(?:(?P<account>\d{{12}}):)?(?:function:)?"
    r"(?P<name>[a-zA-Z0-9_.-]+)(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9_-]+))?"
)


class Target(msgspec.Struct, frozen=True):
    """A function of the caller's own account and region, and the qualifier if one was given."""

    name: str
    qualifier: str
    """Empty when none was given."""


def locate(ctx: Context, text: str, qualifier: str = "") -> Target:
    """Read FunctionName and Qualifier as AWS does; raises what AWS answers for the forms that it refuses."""
    if ":" not in text and len(text) <= NAME_LIMIT:
        return Target(text, qualifier)
    parts = _PARTS.fullmatch(text)
    if parts is None or (parts["arn"] and not (parts["region"] and parts["account"])):
        raise malformed(text, NAMESPACED_PATTERN)
    derived = parts["qualifier"] or ""
    if derived and qualifier and derived != qualifier:
        raise invalid("The derived qualifier from the function name does not match the specified qualifier.")
    _check_reach(ctx, parts["region"], parts["account"])
    return Target(_checked(parts["name"]), derived or qualifier)


def parts(text: str) -> tuple[str, str, str, str] | None:
    """(region, account, name, qualifier), empty where not given; None for what names no function."""
    found = _PARTS.fullmatch(text)
    return (found["region"] or "", found["account"] or "", found["name"], found["qualifier"] or "") if found else None


def unqualified(ctx: Context, text: str) -> str:
    """The name of a function of which only `$LATEST` is meant."""
    target = locate(ctx, text)
    if target.qualifier not in ("", LATEST):
        raise not_found(ctx, target.name, target.qualifier)
    return target.name


def new_name(ctx: Context, text: str) -> str:
    """The bare name for a function about to be created; an unqualified ARN of the caller's own is welcome, too."""
    parts = _PARTS.fullmatch(text)
    unqualified = parts is not None and not parts["qualifier"] and "." not in parts["name"]
    if parts is None or not unqualified or (parts["arn"] and not (parts["region"] and parts["account"])):
        raise malformed(text, UNQUALIFIED_PATTERN)
    _check_reach(ctx, parts["region"], parts["account"])
    return _checked(parts["name"])


def function_arn(ctx: Context, name: str, qualifier: str = "") -> str:
    resource = f"function:{name}:{qualifier}" if qualifier else f"function:{name}"
    return arn.make("lambda", ctx.region, ctx.account, resource)


def not_found(ctx: Context, name: str, qualifier: str = "") -> AwsError:
    return AwsError("ResourceNotFoundException", f"Function not found: {function_arn(ctx, name, qualifier)}")


def no_alias(ctx: Context, name: str, alias: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Cannot find alias arn: {function_arn(ctx, name, alias)}")


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message)


def malformed(text: str, pattern: str) -> AwsError:
    return AwsError(
        "ValidationException",
        f"1 validation error detected: Value '{text}' at 'functionName' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {pattern}",
    )


def _check_reach(ctx: Context, region: str | None, account: str | None) -> None:
    if region and region != ctx.region:
        message = f"Functions from '{region}' are not reachable in this region ('{ctx.region}')"
        raise AwsError("ResourceNotFoundException", message)
    if account and account != ctx.account:
        raise AwsError("AccessDeniedException", "")  # recorded with an empty message, facts/lambda-api.md §1


def _checked(name: str) -> str:
    if len(name) > NAME_LIMIT:
        raise invalid(
            f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy constraint: "
            f"Member must have length less than or equal to {NAME_LIMIT}"
        )
    return name
