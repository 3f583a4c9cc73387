"""Network Load Balancers: TCP listeners at their own ports, TCP target groups and health checks; VPC links to them."""

import json
import socket
import threading
import time

import pytest
from backend import Backend
from balancers import free_port
from botocore.exceptions import ClientError


@pytest.fixture
def network(platform):
    """Makes a network load balancer with a TCP listener to servers at ports; gone after the test."""
    elb = platform.client("elbv2")
    made = []

    def make(name, *targets, port=1, **group):
        balancer = elb.create_load_balancer(Name=name, Type="network", Scheme="internal", Subnets=["subnet-1"])
        arn = balancer["LoadBalancers"][0]["LoadBalancerArn"]
        wanted = {"Protocol": "TCP", "Port": 80, "VpcId": "vpc-1", "TargetType": "ip", "HealthCheckIntervalSeconds": 11}
        kept = elb.create_target_group(Name=name, **wanted | group)["TargetGroups"][0]
        made.append((arn, kept["TargetGroupArn"]))
        elb.register_targets(
            TargetGroupArn=kept["TargetGroupArn"], Targets=[{"Id": "127.0.0.1", "Port": each} for each in targets]
        )
        action = {"Type": "forward", "TargetGroupArn": kept["TargetGroupArn"]}
        listener = elb.create_listener(LoadBalancerArn=arn, Protocol="TCP", Port=port, DefaultActions=[action])
        return balancer["LoadBalancers"][0], kept, listener["Listeners"][0]

    yield make
    for arn, group in made:
        elb.delete_load_balancer(LoadBalancerArn=arn)
        elb.delete_target_group(TargetGroupArn=group)


def until(holds):
    deadline = time.monotonic() + 60
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def states(elb, group):
    described = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
    return {each["Target"]["Port"]: each["TargetHealth"]["State"] for each in described}


class Upper:
    """A server of plain TCP: says everything back in capitals, and BYE at the end."""

    def __enter__(self):
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()
        return self

    def __exit__(self, *error):
        self._server.close()

    def _run(self):
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    @staticmethod
    def _talk(client):
        with client:
            try:
                while data := client.recv(65536):
                    client.sendall(data.upper())
                client.sendall(b"BYE")
            except OSError:
                return


def test_a_network_load_balancer_is_described_as_such(platform, network):
    balancer, group, listener = network("net-told", 9)
    assert ":loadbalancer/net/net-told/" in balancer["LoadBalancerArn"] and balancer["Type"] == "network"
    assert (group["Protocol"], group["HealthCheckProtocol"], group["HealthCheckTimeoutSeconds"]) == ("TCP", "TCP", 10)
    assert not {"HealthCheckPath", "Matcher", "ProtocolVersion"} & set(group)
    assert listener["Protocol"] == "TCP" and ":listener/net/net-told/" in listener["ListenerArn"]
    elb = platform.client("elbv2")
    described = elb.describe_load_balancer_attributes(LoadBalancerArn=balancer["LoadBalancerArn"])["Attributes"]
    known = {each["Key"]: each["Value"] for each in described}
    assert known["load_balancing.cross_zone.enabled"] == "false" and "routing.http2.enabled" not in known
    described = elb.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])["Attributes"]
    assert {each["Key"]: each["Value"] for each in described}["stickiness.type"] == "source_ip"


def test_connections_pass_as_they_are_and_end_as_they_end(platform, network):
    with Upper() as server:
        port = free_port()
        _, group, _ = network("net-flow", server.port, port=port)
        elb = platform.client("elbv2")
        until(lambda: states(elb, group) == {server.port: "healthy"})
        with socket.create_connection(("127.0.0.1", port), 30) as client:
            content = b"abc" * 400_000
            sender = threading.Thread(target=lambda: (client.sendall(content), client.shutdown(socket.SHUT_WR)))
            sender.start()
            received = b""
            while data := client.recv(65536):
                received += data
            sender.join(30)
        assert received == content.upper() + b"BYE"


def test_only_healthy_targets_get_connections_and_nobody_when_there_is_none(platform, network):
    with Upper() as server:
        port, dead = free_port(), free_port()
        _, group, listener = network("net-health", server.port, dead, port=port)
        elb = platform.client("elbv2")
        until(lambda: states(elb, group)[server.port] == "healthy")
        for _ in range(4):
            with socket.create_connection(("127.0.0.1", port), 30) as client:
                client.sendall(b"x")
                assert client.recv(1) == b"X"
        targets = [{"Id": "127.0.0.1", "Port": each} for each in (server.port, dead)]
        elb.deregister_targets(TargetGroupArn=group["TargetGroupArn"], Targets=targets)
        with socket.create_connection(("127.0.0.1", port), 30) as client:
            try:
                assert client.recv(1) == b""
            except ConnectionResetError:
                pass
        elb.delete_listener(ListenerArn=listener["ListenerArn"])
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 30)


def test_what_a_network_load_balancer_cannot_be_is_refused(platform, network):
    elb = platform.client("elbv2")
    balancer, group, listener = network("net-not", 9)
    made = elb.create_target_group(Name="net-web", Protocol="HTTP", Port=80, VpcId="v", TargetType="ip")
    web = made["TargetGroups"][0]

    def code(call, **params):
        with pytest.raises(ClientError) as refused:
            call(**params)
        return refused.value.response["Error"]["Code"]

    def listen(protocol, group, **more):
        actions = [{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}]
        wanted = {"LoadBalancerArn": balancer["LoadBalancerArn"], "Protocol": protocol, "Port": 2}
        return code(elb.create_listener, **wanted | {"DefaultActions": actions} | more)

    assert listen("HTTP", group) == "ValidationError"
    assert listen("UDP", group) == "NotImplementedException"
    assert listen("TCP", web) == "InvalidConfigurationRequest"
    fixed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}]
    assert listen("TCP", group, DefaultActions=fixed) == "InvalidLoadBalancerAction"
    condition = [{"Field": "path-pattern", "Values": ["/"]}]
    forward = [{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}]
    rule = {"ListenerArn": listener["ListenerArn"], "Priority": 1, "Conditions": condition, "Actions": forward}
    assert code(elb.create_rule, **rule) == "ValidationError"
    assert code(elb.create_load_balancer, Name="net-none", Type="network", Subnets=[]) == "ValidationError"
    path = {"TargetGroupArn": group["TargetGroupArn"], "HealthCheckPath": "/"}
    assert code(elb.modify_target_group, **path) == "ValidationError"
    elb.delete_target_group(TargetGroupArn=web["TargetGroupArn"])


@pytest.fixture
def rest(platform):
    """Makes a REST API with a private integration over a VPC link of version 1; says its answers."""
    v1 = platform.client("apigateway")
    apis = []

    def make(link, uri, **more):
        api = v1.create_rest_api(name="l")
        apis.append(api["id"])
        place = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
        v1.put_method(**place, authorizationType="NONE")
        integration = {"type": "HTTP_PROXY", "integrationHttpMethod": "GET", "uri": uri, "connectionType": "VPC_LINK"}
        v1.put_integration(**place, **integration | {"connectionId": link} | more)
        v1.create_deployment(restApiId=api["id"], stageName="s", variables={"link": link})
        return api["id"]

    yield make
    for api in apis:
        v1.delete_rest_api(restApiId=api)


def ask(platform, api):
    host, _, port = platform.endpoint.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 60) as client:
        request = f"GET /_aws/execute-api/{api}/s/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        client.sendall(request.encode())
        answer = b""
        while data := client.recv(65536):
            answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize("connection", ["{link}", "${{stageVariables.link}}"])
def test_a_rest_api_reaches_a_server_over_a_link_of_version_1(platform, network, rest, connection):
    def answer(asked):
        return 200, [], json.dumps([asked.headers["Host"], asked.target]).encode()

    v1 = platform.client("apigateway")
    with Backend(answer) as server:
        balancer, group, _ = network("net-link", int(server.url.rpartition(":")[2]), port=8001)
        until(lambda: set(states(platform.client("elbv2"), group).values()) == {"healthy"})
        link = v1.create_vpc_link(name="l", targetArns=[balancer["LoadBalancerArn"]])
        assert link["status"] == "AVAILABLE"
        uri = f"http://{balancer['DNSName']}:8001/pets?x=1"
        api = rest(link["id"], uri, connectionId=connection.format(link=link["id"]))
        status, body = ask(platform, api)
        assert (status, json.loads(body)) == (200, [f"{balancer['DNSName']}:8001", "/pets?x=1"])
        wrong = rest(link["id"], f"http://{balancer['DNSName']}:9/")
        assert ask(platform, wrong) == (504, b'{"message": "Network error communicating with endpoint"}')
        v1.delete_vpc_link(vpcLinkId=link["id"])
        assert ask(platform, api)[0] == 504


def test_a_link_to_what_is_no_network_load_balancer_fails(platform, network, rest):
    v1 = platform.client("apigateway")
    bad = v1.create_vpc_link(name="l", targetArns=["arn:aws:nothing"])
    assert (bad["status"], bad["statusMessage"]) == ("FAILED", "NLB ARN is malformed.")
    arn = network("net-real", 9)[0]["LoadBalancerArn"]
    gone = v1.create_vpc_link(name="l", targetArns=[arn + "0"])
    assert gone["status"] == "FAILED"
    assert ask(platform, rest(gone["id"], "http://x.example/"))[0] == 504
    with pytest.raises(ClientError, match="version 2"):
        rest(gone["id"], "http://x.example/", integrationTarget=arn)
    for link in (bad, gone):
        v1.delete_vpc_link(vpcLinkId=link["id"])
