"""APIs where permissions count: who may describe them, who may call them, whom they may call."""

import json
import urllib.error
import urllib.request

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

ROOT = "000000000000"
CODE = """
    def handler(event, context):
        who = event["requestContext"]["identity"]
        return {"statusCode": 200, "body": f"{who['userArn']} {who['user']}"}
"""


@pytest.fixture
def api(secured, platforms):
    """An API of the root's, with a function behind /a (signed) and /b (open)."""
    client, lambda_ = secured.client("apigateway"), secured.client("lambda")
    made = client.create_rest_api(name="guarded")
    id, root = made["id"], made["rootResourceId"]
    role = f"arn:aws:iam::{ROOT}:role/rest-api-function"
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam = secured.client("iam")
    iam.create_role(RoleName="rest-api-function", AssumeRolePolicyDocument=document)
    package = {"ZipFile": platforms.package(CODE)}
    named = {"FunctionName": "rest-api", "Runtime": platforms.runtime, "Handler": "h.handler", "Role": role}
    arn = lambda_.create_function(**named, Code=package)["FunctionArn"]
    lambda_.get_waiter("function_active_v2").wait(FunctionName="rest-api")
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    for part, authorization in (("a", "AWS_IAM"), ("b", "NONE")):
        resource = client.create_resource(restApiId=id, parentId=root, pathPart=part)["id"]
        place = {"restApiId": id, "resourceId": resource, "httpMethod": "GET"}
        client.put_method(**place, authorizationType=authorization)
        client.put_integration(**place, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    client.create_deployment(restApiId=id, stageName="dev")
    yield id
    client.delete_rest_api(restApiId=id)
    lambda_.delete_function(FunctionName="rest-api")
    iam.delete_role(RoleName="rest-api-function")


def get(endpoint, api, path, credentials=None):
    url = f"{endpoint}/_aws/execute-api/{api}/dev{path}"
    request = AWSRequest("GET", url)
    if credentials:
        signer = Credentials(credentials["AccessKeyId"], credentials["SecretAccessKey"])
        SigV4Auth(signer, "execute-api", "us-east-1").add_auth(request)
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=dict(request.headers))) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def let_in(secured, api, path="*"):
    arn = f"arn:aws:execute-api:us-east-1:{ROOT}:{api}/{path}"
    given = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
    secured.client("lambda").add_permission(FunctionName="rest-api", **given, SourceArn=arn)


def test_an_api_runs_only_functions_whose_policy_lets_it(secured, api):
    failed = (500, '{"message": "Internal server error"}')
    assert get(secured.endpoint, api, "/b") == failed
    let_in(secured, api, "*/GET/a")
    assert get(secured.endpoint, api, "/b") == failed
    secured.client("lambda").remove_permission(FunctionName="rest-api", StatementId="s")
    let_in(secured, api, "*/GET/b")
    assert get(secured.endpoint, api, "/b") == (200, "None None")


def test_a_signed_caller_needs_the_permission_to_invoke_the_method(secured, api, user):
    let_in(secured, api)
    arn = f"arn:aws:execute-api:us-east-1:{ROOT}:{api}/dev/GET/a"
    ada = user("rest-ada", {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": arn})
    bob = user("rest-bob", {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"{arn}/nothing"})
    id = secured.client("iam").get_user(UserName="rest-ada")["User"]["UserId"]
    assert get(secured.endpoint, api, "/a", ada) == (200, f"arn:aws:iam::{ROOT}:user/rest-ada {id}")
    status, body = get(secured.endpoint, api, "/a", bob)
    assert status == 403
    message = json.loads(body)["Message"]
    assert message.startswith(
        f"User: arn:aws:iam::{ROOT}:user/rest-bob is not authorized to perform: execute-api:Invoke"
    )
    forged = {"AccessKeyId": ada["AccessKeyId"], "SecretAccessKey": "wrong"}
    assert get(secured.endpoint, api, "/a", forged)[0] == 403
    assert get(secured.endpoint, api, "/a") == (403, '{"message":"Missing Authentication Token"}')


def test_describing_an_api_is_allowed_by_method_and_path(secured, api, user):
    path = f"arn:aws:apigateway:us-east-1::/restapis/{api}"
    reader = user("rest-reader", {"Effect": "Allow", "Action": "apigateway:GET", "Resource": [path, f"{path}/*"]})
    client = secured.client("apigateway", reader)
    assert client.get_rest_api(restApiId=api)["name"] == "guarded"
    assert len(client.get_resources(restApiId=api)["items"]) == 3
    for call, params in (
        (client.delete_rest_api, {"restApiId": api}),
        (client.create_deployment, {"restApiId": api}),
        (client.get_rest_apis, {}),
        (client.create_rest_api, {"name": "mine"}),
    ):
        with pytest.raises(ClientError) as refused:
            call(**params)
        assert refused.value.response["Error"]["Code"] == "AccessDeniedException"


def test_an_integration_acts_under_its_role_which_must_trust_api_gateway(secured, api):
    client, iam, sqs = secured.client("apigateway"), secured.client("iam"), secured.client("sqs")
    queue = sqs.create_queue(QueueName="rest-guarded")["QueueUrl"]
    place = {"restApiId": api, "httpMethod": "GET"}
    root = client.get_rest_api(restApiId=api)["rootResourceId"]
    place["resourceId"] = client.create_resource(restApiId=api, parentId=root, pathPart="q")["id"]
    role = f"arn:aws:iam::{ROOT}:role/rest-queue"
    client.put_method(**place, authorizationType="NONE")
    client.put_integration(
        **place,
        type="AWS",
        integrationHttpMethod="POST",
        credentials=role,
        uri=f"arn:aws:apigateway:us-east-1:sqs:path/{ROOT}/rest-guarded",
        requestParameters={"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"},
        requestTemplates={"application/json": "Action=SendMessage&MessageBody=x"},
    )
    for status, pattern in (("200", "200"), ("403", "4.*")):
        client.put_method_response(**place, statusCode=status)
        client.put_integration_response(**place, statusCode=status, selectionPattern=pattern)
    client.create_deployment(restApiId=api, stageName="dev")

    def trusting(service):
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        return json.dumps({"Version": "2012-10-17", "Statement": [trust]})

    iam.create_role(RoleName="rest-queue", AssumeRolePolicyDocument=trusting("lambda.amazonaws.com"))
    try:
        assert get(secured.endpoint, api, "/q")[0] == 500
        iam.update_assume_role_policy(RoleName="rest-queue", PolicyDocument=trusting("apigateway.amazonaws.com"))
        assert get(secured.endpoint, api, "/q")[0] == 403
        allowed = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_role_policy(RoleName="rest-queue", PolicyName="p", PolicyDocument=document)
        assert get(secured.endpoint, api, "/q")[0] == 200
        iam.delete_role_policy(RoleName="rest-queue", PolicyName="p")
    finally:
        iam.delete_role(RoleName="rest-queue")
        sqs.delete_queue(QueueUrl=queue)
