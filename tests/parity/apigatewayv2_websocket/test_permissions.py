"""Where permissions count: who may connect by signature, and who may speak to connections (facts/apigateway.md §10)."""

import json
import re
from contextlib import ExitStack

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from websockets.exceptions import InvalidStatus

ACCOUNT = "000000000000"
ECHO = "import json\ndef handler(event, context):\n    return {'statusCode': 200, 'body': json.dumps(event)}"

POSTS = """
    import boto3, botocore.exceptions

    def handler(event, context):
        about = event["requestContext"]
        client = boto3.client(
            "apigatewaymanagementapi", endpoint_url=f"https://{about['domainName']}/{about['stage']}"
        )
        try:
            client.post_to_connection(ConnectionId=about["connectionId"], Data=b"posted")
        except botocore.exceptions.ClientError as refused:
            return {"statusCode": 200, "body": str(refused)}
        return {"statusCode": 200, "body": "done"}
"""


class Guarded:
    """A server where signatures count, seen as its root user."""

    def __init__(self, running, stack):
        self.running, self.endpoint = running, running.endpoint
        found = dict(re.findall(r"export (AWS_\w+)=(\S+)", running.banner))
        self.root = {"AccessKeyId": found["AWS_ACCESS_KEY_ID"], "SecretAccessKey": found["AWS_SECRET_ACCESS_KEY"]}
        self._stack = stack

    def client(self, service, key=None):
        key = key or self.root
        made = boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            config=Config(retries={"total_max_attempts": 1}),
        )
        self._stack.callback(made.close)
        return made

    def user(self, name, action, resource):
        iam = self.client("iam")
        iam.create_user(UserName=name)
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
        return iam.create_access_key(UserName=name)["AccessKey"]


@pytest.fixture(scope="module")
def guarded(platforms):
    running = platforms("--ephemeral", "--auth", "on")
    with ExitStack() as stack:
        yield Guarded(running, stack)
    assert running.stop() == 0, running.said()


@pytest.fixture(scope="module")
def echo(guarded):
    lambda_, iam = guarded.client("lambda"), guarded.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    code = {"ZipFile": guarded.running.package(ECHO)}
    named = {"FunctionName": "echo", "Handler": "h.handler", "Runtime": guarded.running.runtime}
    lambda_.create_function(Role=role, Code=code, **named)
    lambda_.get_waiter("function_active_v2").wait(FunctionName="echo", WaiterConfig={"Delay": 0, "MaxAttempts": 10_000})
    return guarded.running.function("echo")


@pytest.fixture
def made(api, guarded, echo):
    """An API whose `$connect` asks for a signature."""
    made = api(server=guarded)
    target = made.function(echo)
    made.route("$connect", target=target, AuthorizationType="AWS_IAM")
    made.route("$default", target=target, answers=True)
    made.deploy()
    return made


def permit(guarded, made, function="echo"):
    guarded.client("lambda").add_permission(
        FunctionName=function,
        StatementId=made.id,
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{made.id}/dev/*",
    )


def signed(made, key):
    request = AWSRequest("GET", f"http://{made.host}:{made.server.port}/dev")
    SigV4Auth(Credentials(key["AccessKeyId"], key["SecretAccessKey"]), "execute-api", "us-east-1").add_auth(request)
    return made.connect(headers=dict(request.headers))


def status_of(connect, *args):
    with pytest.raises(InvalidStatus) as refused:
        connect(*args)
    return refused.value.response.status_code


def test_who_connects_must_sign_and_may(guarded, made):
    permit(guarded, made)
    may = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{made.id}/dev/$connect"
    ada = guarded.user("ada", "execute-api:Invoke", may)
    ben = guarded.user("ben", "execute-api:Invoke", f"{may}ed")
    assert status_of(made.connect) == 403
    assert status_of(signed, made, ben) == 403
    assert status_of(signed, made, ada | {"SecretAccessKey": "x" * 40}) == 403
    identity = signed(made, ada).ask("hello")["requestContext"]["identity"]
    assert (identity["accountId"], identity["accessKey"]) == (ACCOUNT, ada["AccessKeyId"])
    assert identity["userArn"] == f"arn:aws:iam::{ACCOUNT}:user/ada"


def test_a_function_runs_only_with_its_permission(guarded, made):
    assert status_of(signed, made, guarded.root) == 500
    permit(guarded, made)
    assert signed(made, guarded.root).ask("hello")["requestContext"]["routeKey"] == "$default"


def test_who_speaks_to_a_connection_needs_permission(guarded, made):
    permit(guarded, made)
    client = signed(made, guarded.root)
    id = client.ask("hello")["requestContext"]["connectionId"]
    may = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{made.id}/dev/POST/@connections/*"
    cleo = guarded.client("apigatewaymanagementapi", guarded.user("cleo", "execute-api:ManageConnections", may))
    dora = guarded.client("apigatewaymanagementapi", guarded.user("dora", "execute-api:Invoke", "*"))
    cleo.post_to_connection(ConnectionId=id, Data="psst")
    assert client.hear() == "psst"
    for call in (cleo.get_connection, cleo.delete_connection, dora.get_connection):
        with pytest.raises(ClientError) as refused:
            call(ConnectionId=id)
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert "is not authorized to perform: execute-api:ManageConnections on resource" in str(refused.value)
    client.close()
    gone_from(cleo, id)


def test_a_function_posts_with_its_role_to_the_address_that_its_event_names(guarded, made):
    made.host = f"{made.id}.execute-api.us-east-1.amazonaws.com"
    lambda_, iam = guarded.client("lambda"), guarded.client("iam")
    role = iam.get_role(RoleName="r")["Role"]["Arn"]
    code = {"ZipFile": guarded.running.package(POSTS)}
    lambda_.create_function(
        FunctionName="posts", Role=role, Code=code, Handler="h.handler", Runtime=guarded.running.runtime, Timeout=20
    )
    posts, waits = guarded.running.function("posts"), {"Delay": 0, "MaxAttempts": 10_000}
    lambda_.get_waiter("function_active_v2").wait(FunctionName="posts", WaiterConfig=waits)
    permit(guarded, made)
    permit(guarded, made, "posts")
    made.route("post", target=made.function(posts), answers=True)
    made.deploy()
    client = signed(made, guarded.root)
    refused = client.ask({"action": "post"})
    assert "is not authorized to perform: execute-api:ManageConnections on resource" in refused
    may = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{made.id}/dev/POST/@connections/*"
    statement = {"Effect": "Allow", "Action": "execute-api:ManageConnections", "Resource": may}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=document)
    client.say({"action": "post"})
    assert [client.hear(), client.hear()] == ["posted", "done"]
    iam.delete_role_policy(RoleName="r", PolicyName="p")
    lambda_.delete_function(FunctionName="posts")


def gone_from(client, id):
    """A server hears of a client's end a moment later."""
    for _ in range(1000):
        try:
            client.post_to_connection(ConnectionId=id, Data="still there?")
        except client.exceptions.GoneException:
            return
    raise AssertionError("the connection is still there")
