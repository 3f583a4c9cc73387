"""The paths of `@connections`: nothing else has an address that ends in the middle of a path.

A client of the API Gateway Management API is given the address of a WebSocket API's stage, and appends its operations'
paths to it: `/STAGE/@connections/ID` (facts/apigateway.md §10). Clients percent-encode the `@`, or don't.
"""

from samovar.core.expressions import expression

SERVICE = "apigatewaymanagementapi"
SIGNING_NAME = "execute-api"
LABEL = ".execute-api."
"""Between id and region in an API's host name."""
PATH = "/_aws/execute-api/"
"""Before an API's id, under any host name."""

MARK = "connections/"
"""What none of the other paths needs to be looked at for."""

_PATH = expression(r"(?P<base>(?:/[^@]*)?)/(?:@|%40)connections/(?P<id>[^/]+)/?")


def split(path: str) -> tuple[str, str] | None:
    """(the path of the address, the operation's path); None for any other path."""
    if MARK not in path:
        return None
    found = _PATH.fullmatch(path)
    return (found["base"], f"/@connections/{found['id']}") if found else None


def is_address(base: str, host: str, signed_for: str) -> bool:
    """Whether a base is an API's, and not the beginning of a key in a bucket; `signed_for`: empty for nobody."""
    if signed_for:
        return signed_for == SIGNING_NAME
    return not base or LABEL in host or base.startswith(PATH)
