"""Where a load balancer is reached: its name, the path form, its listeners' own ports, by https; through kills; and who
is let in where permissions count."""

import json
import re
import socket
import ssl
import urllib.error
import urllib.request

import boto3
import pytest
from balancers import SUBNETS, forward, free_port, says
from botocore.exceptions import ClientError

CERTIFICATE = {"CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/x"}


def get(url, host="", context=None):
    request = urllib.request.Request(url, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.fixture
def listening(elb):
    """A load balancer with a listener on each port, which says its number."""
    made = []

    def make(name, *ports, secure=()):
        arn = elb.create_load_balancer(Name=name, Subnets=SUBNETS)["LoadBalancers"][0]["LoadBalancerArn"]
        made.append(arn)
        for port in ports:
            more = {"Protocol": "HTTPS", "Certificates": [CERTIFICATE]} if port in secure else {"Protocol": "HTTP"}
            elb.create_listener(LoadBalancerArn=arn, Port=port, DefaultActions=[says(f"{name} {port}")], **more)
        return elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]["DNSName"]

    yield make
    for arn in made:
        elb.delete_load_balancer(LoadBalancerArn=arn)


def test_a_load_balancer_is_reached_by_its_name_and_by_a_path(endpoint, listening):
    host = listening("ways", 8081, 80)
    assert get(endpoint + "/x", f"{host}:4566") == (200, b"ways 80")
    assert get(endpoint + "/_aws/elb/ways/x") == (200, b"ways 80")
    assert get(endpoint + "/_aws/elb/ways:8081/x") == (200, b"ways 8081")
    assert get(endpoint + "/_aws/elb/ways:9/x")[0] == 404
    assert get(endpoint, "other-1.us-east-1.elb.localhost")[0] == 404


def test_a_listener_has_its_own_port_while_it_is_there(elb, listening):
    port = free_port()
    first, second = listening("first", port), listening("second", port)
    assert get(f"http://127.0.0.1:{port}", f"{second}:{port}") == (200, f"second {port}".encode())
    assert get(f"http://127.0.0.1:{port}", f"{first}:{port}") == (200, f"first {port}".encode())
    assert get(f"http://127.0.0.1:{port}", "api.example.com") == (200, f"first {port}".encode())
    for name in ("first", "second"):
        arn = elb.describe_load_balancers(Names=[name])["LoadBalancers"][0]["LoadBalancerArn"]
        elb.delete_load_balancer(LoadBalancerArn=arn)
    with pytest.raises(urllib.error.URLError):
        get(f"http://127.0.0.1:{port}")


def test_a_port_that_is_taken_leaves_the_other_ways(endpoint, listening):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listening("taken", port)
        assert get(f"{endpoint}/_aws/elb/taken:{port}/") == (200, f"taken {port}".encode())


@pytest.fixture
def restarted(platforms, tmp_path):
    """Starts servers on the same data; the last is stopped."""
    started = []

    def start(*flags):
        started.append(platforms("--data-dir", str(tmp_path), *flags))
        return started[-1]

    start.folder = tmp_path
    yield start
    assert started[-1].stop() == 0


def test_load_balancers_outlive_kill_9_and_https_listeners_answer_by_https(restarted):
    first = restarted("--tls")
    elb, plain, secure = first.client("elbv2"), free_port(), free_port()
    made = elb.create_load_balancer(Name="lasting", Subnets=SUBNETS)["LoadBalancers"][0]
    for port, more in ((plain, {"Protocol": "HTTP"}), (secure, {"Protocol": "HTTPS", "Certificates": [CERTIFICATE]})):
        listener = elb.create_listener(
            LoadBalancerArn=made["LoadBalancerArn"], Port=port, DefaultActions=[says(more["Protocol"])], **more
        )["Listeners"][0]
    elb.create_rule(
        ListenerArn=listener["ListenerArn"],
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/rule"]}],
        Actions=[says("rule")],
    )
    first.kill()
    second = restarted("--tls")
    trust = ssl.create_default_context(cafile=restarted.folder / "tls" / "ca.pem")
    own = second.endpoint.rpartition(":")[2]
    assert get(f"http://localhost:{plain}") == (200, b"HTTP")
    assert get(f"https://localhost:{secure}", context=trust) == (200, b"HTTPS")
    assert get(f"https://localhost:{secure}/rule", context=trust) == (200, b"rule")
    assert get(f"http://localhost:{secure}")[0] == 400
    assert get(f"http://localhost:{own}/", made["DNSName"]) == (200, b"HTTP")
    assert get(f"https://localhost:{own}/", made["DNSName"], trust) == (200, b"HTTPS")


def test_a_listener_whose_port_must_be_free_is_not_made_when_it_is_not(restarted):
    server = restarted("--listener-ports", "always")
    elb = server.client("elbv2")
    arn = elb.create_load_balancer(Name="x", Subnets=SUBNETS)["LoadBalancers"][0]["LoadBalancerArn"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ClientError, match=r"InvalidConfigurationRequest.*Address already in use"):
            elb.create_listener(LoadBalancerArn=arn, Port=port, Protocol="HTTP", DefaultActions=[says("x")])
    elb.create_listener(LoadBalancerArn=arn, Port=port, Protocol="HTTP", DefaultActions=[says("x")])
    assert get(f"http://127.0.0.1:{port}") == (200, b"x")


TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


def test_where_permissions_count_a_function_admits_its_target_group_alone(restarted):
    server = restarted("--auth", "on")
    found = dict(re.findall(r"export (AWS_\w+KEY\w*)=(\S+)", server.banner))
    keys = {"aws_access_key_id": found["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": found["AWS_SECRET_ACCESS_KEY"]}

    def client(service, given=keys):
        return boto3.client(service, endpoint_url=server.endpoint, region_name="us-east-1", **given)

    iam, lambda_, elb = client("iam"), client("lambda"), client("elbv2")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    function = lambda_.create_function(
        FunctionName="f",
        Role=role,
        Runtime=server.runtime,
        Handler="h.handler",
        Code={"ZipFile": server.package("def handler(event, context): return {'statusCode': 200, 'body': 'in'}")},
    )["FunctionArn"]
    lambda_.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0, "MaxAttempts": 10_000})
    group = elb.create_target_group(Name="g", TargetType="lambda")["TargetGroups"][0]["TargetGroupArn"]
    with pytest.raises(ClientError, match=r"AccessDenied.*does not have permission to invoke"):
        elb.register_targets(TargetGroupArn=group, Targets=[{"Id": function}])
    lambda_.add_permission(
        FunctionName="f",
        StatementId="elb",
        Action="lambda:InvokeFunction",
        Principal="elasticloadbalancing.amazonaws.com",
        SourceArn=group,
    )
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": function}])
    arn = elb.create_load_balancer(Name="x", Subnets=SUBNETS)["LoadBalancers"][0]["LoadBalancerArn"]
    elb.create_listener(LoadBalancerArn=arn, Port=80, Protocol="HTTP", DefaultActions=[forward(group)])
    assert get(server.endpoint + "/_aws/elb/x/") == (200, b"in")
    lambda_.remove_permission(FunctionName="f", StatementId="elb")
    assert get(server.endpoint + "/_aws/elb/x/")[0] == 502
    other = elb.create_target_group(Name="other", TargetType="lambda")["TargetGroups"][0]["TargetGroupArn"]
    with pytest.raises(ClientError, match="AccessDenied"):
        elb.register_targets(TargetGroupArn=other, Targets=[{"Id": function}])

    iam.create_user(UserName="ada")
    made = iam.create_access_key(UserName="ada")["AccessKey"]
    ada = client("elbv2", {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]})
    statement = {"Effect": "Allow", "Action": "elasticloadbalancing:*Tags", "Resource": group}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="ada", PolicyName="p", PolicyDocument=document)
    ada.add_tags(ResourceArns=[group], Tags=[{"Key": "a", "Value": "b"}])
    for refused in (
        lambda: ada.add_tags(ResourceArns=[group, arn], Tags=[{"Key": "a", "Value": "b"}]),
        lambda: ada.delete_load_balancer(LoadBalancerArn=arn),
        lambda: ada.describe_load_balancers(),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            refused()
