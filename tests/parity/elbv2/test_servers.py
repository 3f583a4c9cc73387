"""Servers behind a load balancer: requests passed on, health checks, stickiness, draining. On a server of their own,
whose time moves."""

import json
import socket
from collections import Counter

import pytest
from balancers import forward, states, until


@pytest.fixture(scope="module")
def running(platforms):
    server = platforms("--ephemeral", "--allow-clock")
    yield server
    assert server.stop() == 0, server.said()


@pytest.fixture(scope="module")
def endpoint(running):
    return running.endpoint


@pytest.fixture
def in_front_of(elb, balancer, group):
    """A load balancer in front of servers, which are healthy."""

    def make(*servers, attributes=None, **options):
        arn = group("ip", {"deregistration_delay.timeout_seconds": "30", **(attributes or {})}, **options)
        front = balancer(forward(arn))
        front.group = arn
        elb.register_targets(TargetGroupArn=arn, Targets=[each.target for each in servers])
        until(lambda: states(elb, arn) == ["healthy"] * len(servers))
        return front

    return make


def test_a_request_arrives_as_it_was_sent_and_the_answer_comes_back_as_it_was_given(in_front_of, backend):
    front = in_front_of(backend())
    headers = [("X-Mine", "1"), ("Cookie", "a=b"), ("Connection", "keep-alive, X-Hop"), ("X-Hop", "1")]
    page = front("POST", "/a%2Fb//c?x=%20&x=2", b"body", headers=headers)
    told = page.value
    assert (page.status, told["method"], told["path"], told["size"]) == (201, "POST", "/a%2Fb//c?x=%20&x=2", 4)
    seen = {name.lower(): value for name, value in told["headers"]}
    assert (seen["host"], seen["x-mine"], seen["cookie"]) == (front.host, "1", "a=b")
    assert (seen["x-forwarded-for"], seen["x-forwarded-port"], seen["x-forwarded-proto"]) == ("127.0.0.1", "80", "http")
    assert seen["x-amzn-trace-id"].startswith("Root=1-")
    assert not {"x-hop", "connection", "keep-alive"} & seen.keys()
    assert page.headers.get_all("Set-Cookie") == ["app=1", "b=2"]
    assert page.headers["X-Server"] == "one" and page.headers["X-Inner"] is None
    assert page.headers["Server"].startswith("BaseHTTP")
    assert len(page.headers.get_all("Date")) == 1


def test_large_bodies_stream_through(in_front_of, backend):
    front = in_front_of(backend())
    assert front("PUT", "/", b"x" * 20_000_000).value["size"] == 20_000_000
    assert front("PUT", "/", iter([b"x" * 65_536] * 300), chunked=True).value["size"] == 300 * 65_536
    assert front("HEAD").body == b""


def test_requests_take_turns(in_front_of, backend):
    front = in_front_of(backend("a"), backend("b"))
    assert Counter(front().headers["X-Server"] for _ in range(10)) == {"a": 5, "b": 5}


def test_a_server_that_fails_is_a_502_page(in_front_of, backend):
    front = in_front_of(backend())
    page = front("POST", "/hang-up", b"x")
    assert (page.status, page.headers["Server"]) == (502, "awselb/2.0")


def test_nobody_there_is_a_502_page_as_better_that_than_nothing(elb, balancer, group):
    arn = group("ip")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": "127.0.0.1", "Port": port}])
    assert balancer(forward(arn))().status == 502


def test_silence_is_a_504_page(elb, balancer, group):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        arn = group("ip")
        target = {"Id": "127.0.0.1", "Port": listener.getsockname()[1]}
        elb.register_targets(TargetGroupArn=arn, Targets=[target])
        front = balancer(forward(arn))
        wanted = [{"Key": "idle_timeout.timeout_seconds", "Value": "1"}]
        elb.modify_load_balancer_attributes(LoadBalancerArn=front.arn, Attributes=wanted)
        page = front()
        assert page.status == 504
        assert b"<h1>504 Gateway Time-out</h1>" in page.body


def test_health_follows_the_checks(elb, running, in_front_of, backend):
    one, two = backend("one"), backend("two")
    front = in_front_of(one, two, HealthCheckIntervalSeconds=10, UnhealthyThresholdCount=2, HealthyThresholdCount=2)
    one.healthy = False

    def checked_until(wanted):
        def reached():
            running.advance(10)
            return states(elb, front.group) == wanted

        until(reached)

    checked_until(["healthy", "unhealthy"])
    [shown] = elb.describe_target_health(TargetGroupArn=front.group, Targets=[one.target])["TargetHealthDescriptions"]
    assert shown["TargetHealth"] == {
        "State": "unhealthy",
        "Reason": "Target.ResponseCodeMismatch",
        "Description": "Health checks failed with these codes: [500]",
    }
    assert {front().headers["X-Server"] for _ in range(6)} == {"two"}
    two.healthy = False
    checked_until(["unhealthy", "unhealthy"])
    assert {front().headers["X-Server"] for _ in range(6)} == {"one", "two"}, "to all, where none is healthy"
    one.healthy = two.healthy = True
    checked_until(["healthy", "healthy"])


def test_a_group_that_nobody_forwards_to_is_not_checked(elb, running, group, backend):
    server, arn = backend(), group("ip")
    elb.register_targets(TargetGroupArn=arn, Targets=[server.target])
    running.advance(60)
    assert states(elb, arn) == ["unused"]
    assert server.checks == 0


def test_a_deregistered_target_drains_and_is_gone_after_its_delay(elb, running, in_front_of, backend):
    one, two = backend("one"), backend("two")
    front = in_front_of(one, two)
    elb.deregister_targets(TargetGroupArn=front.group, Targets=[one.target])
    assert states(elb, front.group) == ["draining", "healthy"]
    assert {front().headers["X-Server"] for _ in range(4)} == {"two"}
    running.advance(31)
    elb.get_waiter("target_deregistered").wait(
        TargetGroupArn=front.group, Targets=[one.target], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    assert states(elb, front.group) == ["healthy"]


def test_a_cookie_keeps_a_client_with_its_target(in_front_of, backend):
    front = in_front_of(backend("a"), backend("b"), attributes={"stickiness.enabled": "true"})
    first = front()
    cookies = [each for each in first.headers.get_all("Set-Cookie") if each.startswith("AWSALB")]
    assert [each.partition("=")[0] for each in cookies] == ["AWSALB", "AWSALBCORS"]
    sent = [("Cookie", f"x=y; {cookies[0].partition(';')[0]}")]
    assert {front(headers=sent).headers["X-Server"] for _ in range(6)} == {first.headers["X-Server"]}


def test_weights_share_requests_out_and_a_cookie_keeps_the_group(elb, balancer, group, backend):
    groups = {}
    front = balancer()
    for name, weight in (("blue", 3), ("green", 1), ("off", 0)):
        arn = group("ip")
        elb.register_targets(TargetGroupArn=arn, Targets=[backend(name).target])
        groups[arn] = weight
    weighted = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in groups.items()]
    sticky = {"Enabled": True, "DurationSeconds": 60}
    config = {"TargetGroups": weighted, "TargetGroupStickinessConfig": sticky}
    elb.modify_listener(
        ListenerArn=front.listener, DefaultActions=[{"Type": "forward", "ForwardConfig": config}]
    )
    until(lambda: all(states(elb, arn) == ["healthy"] for arn in groups))
    pages = [front() for _ in range(8)]
    assert Counter(each.headers["X-Server"] for each in pages) == {"blue": 6, "green": 2}
    green = next(each for each in pages if each.headers["X-Server"] == "green")
    cookie = next(each for each in green.headers.get_all("Set-Cookie") if each.startswith("AWSALBTG="))
    sent = [("Cookie", cookie.partition(";")[0])]
    assert {front(headers=sent).headers["X-Server"] for _ in range(6)} == {"green"}


def test_a_client_that_goes_takes_its_request_along(in_front_of, backend):
    front = in_front_of(backend())
    host, port = front._server.split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(f"PUT / HTTP/1.1\r\nHost: {front.host}\r\nContent-Length: 5000000\r\n\r\nsome".encode())
    assert json.loads(front().body)["server"] == "one"
