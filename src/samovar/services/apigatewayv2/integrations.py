"""What integrations name: functions and servers by their URIs, and routes as permissions know them (facts/apigateway.md
§4, §9).

Pure; the same for HTTP and WebSocket APIs.
"""

import re

from samovar.services.apigatewayv2.records import Route, Stage
from samovar.services.apigatewayv2.state import ApiKey

_WRAPPED = re.compile(r"arn:aws[a-z-]*:apigateway:[a-z0-9-]+:lambda:path/2015-03-31/functions/(?P<arn>.+)/invocations")
_ARN = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9-_]+(?::(?:\$LATEST|[A-Za-z0-9-_]+))?")
_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")


_URL = re.compile(r"https?://[^\s/?#]+(?:[/?#]\S*)?", re.IGNORECASE)


def is_url(uri: str) -> bool:
    """Whether a URI names a server, as it is or when the stage's variables are in it."""
    return _URL.fullmatch(uri) is not None or _VARIABLE.match(uri) is not None


def filled(text: str, variables: dict[str, str]) -> str:
    """With the stage's variables in place of `${stageVariables.name}`."""
    return _VARIABLE.sub(lambda found: variables.get(found[1], ""), text)


def function_arn(uri: str, variables: dict[str, str]) -> str | None:
    """The function that an integration's URI names, as an ARN or wrapped in API Gateway's own form."""
    uri = filled(uri, variables)
    wrapped = _WRAPPED.fullmatch(uri)
    arn = wrapped["arn"] if wrapped else uri
    return arn if _ARN.fullmatch(arn) else None


def source_arn(key: ApiKey, stage: Stage, route: Route) -> str:
    """A route as the permissions of functions know it: `GET /pets/{id}` ends in `GET/pets/{id}`."""
    account, region, api = key
    method, _, path = route.route_key.partition(" ")
    place = f"{'*' if method == 'ANY' else method}{path}"
    return f"arn:aws:execute-api:{region}:{account}:{api}/{stage.stage_name}/{place}"
