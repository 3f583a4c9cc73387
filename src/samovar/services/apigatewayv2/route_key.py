"""Route keys of HTTP APIs: `GET /pets/{id}`, `ANY /{proxy+}`, `$default`. Pure."""

import re

import msgspec

from samovar.services.apigatewayv2.errors import bad_request

DEFAULT = "$default"
ANY = "ANY"

_KEY = re.compile(r"(?P<method>ANY|DELETE|GET|HEAD|OPTIONS|PATCH|POST|PUT) /(?P<path>\S*)")
_VARIABLE = re.compile(r"\{([A-Za-z0-9._$-]+)\}")
_GREEDY = re.compile(r"\{([A-Za-z0-9._$-]+)\+\}")


class RouteKey(msgspec.Struct, frozen=True):
    method: str
    """`ANY` for all."""
    segments: tuple[str | None, ...]
    """Of the path; None for a variable. The greedy variable isn't among them."""
    names: tuple[str, ...]
    """Of the variables, in their order, the greedy one last."""
    greedy: bool = False
    """The last variable takes the rest of a path."""


def check(text: str) -> None:
    """Raises for what is no key of a route of an HTTP API."""
    if text != DEFAULT and parse(text) is None:
        raise bad_request(
            "The provided route key is not formatted properly for HTTP protocol. "
            "Format should be \"<HTTP METHOD> /<RESOURCE PATH>\" or \"$default\""
        )


def parse(text: str) -> RouteKey | None:
    """The key of a route with a path; None for what isn't one."""
    found = _KEY.fullmatch(text)
    if found is None:
        return None
    if found["path"].endswith("/"):
        return None
    segments: list[str | None] = []
    names: list[str] = []
    given = found["path"].split("/")
    greedy = _GREEDY.fullmatch(given[-1])
    for segment in given[:-1] if greedy else given:
        variable = _VARIABLE.fullmatch(segment)
        if variable is None and ("{" in segment or "}" in segment):
            return None
        segments.append(None if variable else segment)
        names += [variable[1]] if variable else []
    names += [greedy[1]] if greedy else []
    if len(set(names)) < len(names):
        return None
    return RouteKey(found["method"], tuple(segments), tuple(names), greedy is not None)
