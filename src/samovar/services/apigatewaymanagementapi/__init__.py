"""The API Gateway Management API (boto3 client `apigatewaymanagementapi`): what a back end does to the clients of a
WebSocket API.

Operations: the public functions of `ops`. Keeps nothing: the connections are `web/connections`'. It is asked at the
address of an API's stage (`http://ID.execute-api.REGION.localhost:4566/STAGE`), or anywhere: a connection's id is
enough. Facts: apigateway.md §10.
"""

from samovar.core.service import Service, bind
from samovar.services.apigatewaymanagementapi import ops
from samovar.services.apigatewaymanagementapi.access import access
from samovar.web.connections import Connections

__all__ = ["build"]


def build(connections: Connections) -> Service:
    operations, direct = bind(connections, ops)
    return Service("apigatewaymanagementapi", operations, direct, access=access(connections))
