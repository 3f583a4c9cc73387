"""Which stage of which API an endpoint is (facts/apigateway.md §10). Pure."""

from urllib.parse import urlsplit

from samovar.web.front import LABEL, PATH


def place_of(endpoint: str) -> tuple[str, str] | None:
    """(API, stage); None where an endpoint says nothing about it, as that of an environment or a custom domain."""
    parts = urlsplit(endpoint)
    host, path = parts.hostname or "", parts.path
    if LABEL in host:
        return host.partition(LABEL)[0], path.strip("/")
    if path.startswith(PATH):
        api, _, stage = path.removeprefix(PATH).strip("/").partition("/")
        return api, stage
    return None
