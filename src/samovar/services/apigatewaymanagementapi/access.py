"""What the operations need: `execute-api:ManageConnections` on the connection (facts/apigateway.md §10)."""

from collections.abc import Sequence
from functools import partial

from samovar.core.access import Access, Resource
from samovar.core.context import Context, Params
from samovar.services.apigatewaymanagementapi.places import place_of
from samovar.web.connections import Connections

_METHODS = {"PostToConnection": "POST", "GetConnection": "GET", "DeleteConnection": "DELETE"}


def access(connections: Connections) -> Access:
    def resource(method: str, ctx: Context, params: Params) -> Sequence[str]:
        """Connections are found by their id alone, so the API and the stage are those of the connection. Of one that
        has gone they are the endpoint's; where that doesn't say them it is nobody's, and everybody may hear so."""
        found, place = connections.find(params["ConnectionId"]), place_of(ctx.endpoint)
        account, region = ctx.account, ctx.region
        if found is not None:
            account, region, api = found.key
            place = api, found.stage
        if place is None:
            return ()
        stage = "/".join(place)
        return (f"arn:aws:execute-api:{region}:{account}:{stage}/{method}/@connections/{params['ConnectionId']}",)

    resources: dict[str, Resource] = {
        operation: partial(resource, method) for operation, method in _METHODS.items()
    }
    return Access("execute-api", resources, actions=dict.fromkeys(_METHODS, "ManageConnections"))
