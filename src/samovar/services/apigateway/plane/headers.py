"""Which headers pass between a client and an integration, and under which names (facts/apigateway.md §4). Pure."""

Headers = list[tuple[str, str]]

_ALWAYS = frozenset({"connection", "content-length", "date", "server"})
_FUNCTION = _ALWAYS | {"authorization", "host", "user-agent", "www-authenticate"}
_BACKEND = _ALWAYS | {
    "authorization", "content-md5", "expect", "host", "max-forwards", "proxy-authenticate", "trailer", "upgrade",
    "user-agent", "www-authenticate",
}  # fmt: skip
_BACKEND_DROPS = frozenset({"transfer-encoding", "content-encoding", "via", "keep-alive"})
_REQUEST_DROPS = frozenset(
    {
        "connection", "content-encoding", "content-length", "content-md5", "expect", "host", "keep-alive",
        "max-forwards", "proxy-authenticate", "proxy-connection", "server", "te", "trailer", "transfer-encoding",
        "upgrade", "via", "www-authenticate",
    }
)  # fmt: skip
_NOT_MAPPED = frozenset({"content-length", "transfer-encoding", "x-amzn-trace-id", "x-amzn-apigateway-api-id"})
_NOT_MAPPED_TO_AWS = _NOT_MAPPED | {"authorization", "connection", "expect", "proxy-authenticate", "te"}


def from_function(given: Headers) -> Headers:
    """Of an AWS_PROXY answer."""
    return _remapped(given, _FUNCTION, frozenset({"transfer-encoding"}))


def from_backend(given: Headers) -> Headers:
    """Of an HTTP_PROXY answer."""
    return _remapped(given, _BACKEND, _BACKEND_DROPS)


def mapped(given: Headers) -> Headers:
    """Those that response parameters set."""
    return _remapped(given, _BACKEND, frozenset({"transfer-encoding"}))


def to_backend(given: Headers) -> Headers:
    """Of a request on its way through HTTP_PROXY."""
    return [(name, value) for name, value in given if name.lower() not in _REQUEST_DROPS]


def unmappable(name: str, to_aws: bool) -> bool:
    """Whether a request parameter may not set a header: such an integration fails."""
    return name.lower() in (_NOT_MAPPED_TO_AWS if to_aws else _NOT_MAPPED)


def _remapped(given: Headers, renamed: frozenset[str], dropped: frozenset[str]) -> Headers:
    return [
        (f"x-amzn-Remapped-{name}" if folded in renamed else name, value)
        for name, value in given
        if (folded := name.lower()) not in dropped
    ]
