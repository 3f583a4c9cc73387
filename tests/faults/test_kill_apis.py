"""kill -9 while an API is built: every route that was acknowledged is there and deployed, and nothing is half there."""

import http.client
import itertools
import random
import threading
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # clients of killed servers leave their sockets

ROUNDS = 3
LATEST_KILL_S = 0.4
ROUTES_OF_AN_API = 300
"""The quota: what a fast machine adds before it is killed takes more than one."""


def status(platform, api, path):
    server = urlsplit(platform.endpoint)
    connection = http.client.HTTPConnection(server.hostname, server.port, timeout=60)
    try:
        connection.request("GET", path, headers={"Host": f"{api}.execute-api.us-east-1.localhost"})
        return connection.getresponse().status
    finally:
        connection.close()


def new_api(v2):
    """An API without routes, and what they are to lead to, which isn't there."""
    api = v2.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    v2.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    integration = v2.create_integration(
        ApiId=api, IntegrationType="HTTP_PROXY", IntegrationMethod="GET", IntegrationUri="http://127.0.0.1:1",
        PayloadFormatVersion="1.0",
    )["IntegrationId"]  # fmt: skip
    return {"ApiId": api, "Target": f"integrations/{integration}"}


def grow(v2, apis, acknowledged):
    """Adds routes to the last API, and another API when it is full, until the server dies. One count for each API."""
    while True:
        try:
            if not apis or acknowledged[-1] == ROUTES_OF_AN_API:
                apis.append(new_api(v2))
                acknowledged.append(0)
            v2.create_route(RouteKey=f"GET /r{acknowledged[-1]}", **apis[-1])
        except (HTTPClientError, EndpointConnectionError):
            return
        except ClientError as error:  # it was under way when the last server died
            assert error.response["Error"]["Code"] == "ConflictException"
        acknowledged[-1] += 1


def routes(v2, api):
    keys, token = set(), {}
    while True:
        page = v2.get_routes(ApiId=api, MaxResults="500", **token)
        keys |= {route["RouteKey"] for route in page["Items"]}
        if "NextToken" not in page:
            return keys
        token = {"NextToken": page["NextToken"]}


def test_acknowledged_routes_outlive_kill_minus_nine_and_are_served(platforms, tmp_path):
    apis, acknowledged = [], []
    for round_ in itertools.count():
        if round_ >= ROUNDS and any(acknowledged):  # on a slow machine later
            break
        platform = platforms("--data-dir", str(tmp_path), "--prefork", "1")
        deadline = threading.Timer(random.uniform(0.05, LATEST_KILL_S), platform.process.kill)
        deadline.start()
        grow(platform.client("apigatewayv2"), apis, acknowledged)
        deadline.join()
        platform.kill()
    platform = platforms("--data-dir", str(tmp_path), "--prefork", "1")
    v2 = platform.client("apigatewayv2")
    for api, count in ((api["ApiId"], count) for api, count in zip(apis, acknowledged, strict=True) if count):
        assert {f"GET /r{number}" for number in range(count)} <= routes(v2, api)
        assert len(v2.get_deployments(ApiId=api)["Items"]) == 1
        for number in (0, count - 1):
            assert status(platform, api, f"/r{number}") == 503  # it is routed: its target isn't there
        assert status(platform, api, "/nowhere") == 404
    assert platform.stop() == 0
