"""What the operations need: `execute-api:ManageConnections` on the connection (facts/apigateway.md §10)."""

from collections.abc import Callable
from functools import partial

from samovar.core.access import Access
from samovar.core.context import Context, Params
from samovar.web.connections import Connections

_METHODS = {"PostToConnection": "POST", "GetConnection": "GET", "DeleteConnection": "DELETE"}


def access(connections: Connections) -> Access:
    def resource(method: str, ctx: Context, params: Params) -> str:
        """Connections are found by their id alone, so the API and the stage are those of the connection."""
        found = connections.find(params["ConnectionId"])
        account, region, place = (ctx.account, ctx.region, "*/*")
        if found is not None:
            account, region, api = found.key
            place = f"{api}/{found.stage}"
        return f"arn:aws:execute-api:{region}:{account}:{place}/{method}/@connections/{params['ConnectionId']}"

    resources: dict[str, Callable[[Context, Params], str]] = {
        operation: partial(resource, method) for operation, method in _METHODS.items()
    }
    return Access("execute-api", resources, actions=dict.fromkeys(_METHODS, "ManageConnections"))
