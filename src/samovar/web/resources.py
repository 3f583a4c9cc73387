"""What API Gateway's operations are about: the paths of its own management API (service authorization reference).

Its actions are HTTP methods (`apigateway:POST`), and its ARNs have no account: `arn:aws:apigateway:REGION::/apis/ID`.
"""

from collections.abc import Callable, Iterable

from samovar.core.access import Resource
from samovar.core.context import Context, Params


def path(template: str) -> Resource:
    """`/apis/{ApiId}/routes` as the ARN of a request with these members."""

    def resource(ctx: Context, params: Params) -> str:
        return f"arn:aws:apigateway:{ctx.region}::{template.format_map(_Words(params))}"

    return resource


Actions = dict[str, str | Callable[[Params], str]]


def methods(operations: Iterable[str]) -> Actions:
    """The action of each operation: the HTTP method that its name begins with."""
    return {each: next((verb for prefix, verb in _VERBS if each.startswith(prefix)), "GET") for each in operations}


_VERBS = (
    ("Create", "POST"),
    ("Tag", "POST"),
    ("Update", "PATCH"),
    ("Put", "PUT"),
    ("Import", "PUT"),
    ("Reimport", "PUT"),
    ("Delete", "DELETE"),
    ("Untag", "DELETE"),
    ("Reset", "DELETE"),
)


class _Words(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "*"
