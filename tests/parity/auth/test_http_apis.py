"""HTTP APIs where signatures and permissions count: who manages them, who invokes, what they may invoke themselves."""

import json
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

A = "000000000000"
CODE = "def handler(event, context): return event['requestContext'].get('authorizer')"


@pytest.fixture
def function(secured, guarded, iam):
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName="behind-api", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    lambda_ = secured.client("lambda", read_timeout=100)
    made = lambda_.create_function(
        FunctionName="behind-api", Role=role, Runtime=guarded.runtime, Handler="h.handler",
        Code={"ZipFile": guarded.package(CODE)},
    )  # fmt: skip
    lambda_.get_waiter("function_active_v2").wait(FunctionName="behind-api", WaiterConfig={"Delay": 0})
    yield made["FunctionArn"]
    lambda_.delete_function(FunctionName="behind-api")
    iam.delete_role(RoleName="behind-api")


@pytest.fixture
def api(secured, function):
    v2 = secured.client("apigatewayv2")
    id = v2.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    integration = v2.create_integration(
        ApiId=id, IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0"
    )["IntegrationId"]
    for key, kind in (("GET /open", "NONE"), ("GET /signed", "AWS_IAM")):
        v2.create_route(ApiId=id, RouteKey=key, AuthorizationType=kind, Target=f"integrations/{integration}")
    v2.create_stage(ApiId=id, StageName="$default", AutoDeploy=True)
    yield id
    v2.delete_api(ApiId=id)


def permit(secured, api, path="*"):
    secured.client("lambda").add_permission(
        FunctionName="behind-api", StatementId="api", Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com", SourceArn=f"arn:aws:execute-api:us-east-1:{A}:{api}/*/{path}",
    )  # fmt: skip


def asked(secured, api, path, key=None):
    port = urlsplit(secured.endpoint).port
    request = AWSRequest("GET", f"http://{api}.execute-api.us-east-1.localhost:{port}{path}")
    if key is not None:
        SigV4Auth(Credentials(key["AccessKeyId"], key["SecretAccessKey"]), "execute-api", "us-east-1").add_auth(request)
    headers = {**dict(request.headers), "Host": urlsplit(request.url).netloc}
    try:
        with urllib.request.urlopen(urllib.request.Request(secured.endpoint + path, headers=headers)) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_an_api_needs_a_permission_for_its_function(secured, api):
    assert asked(secured, api, "/open") == (500, {"message": "Internal Server Error"})
    permit(secured, api, "GET/other")
    assert asked(secured, api, "/open")[0] == 500
    secured.client("lambda").remove_permission(FunctionName="behind-api", StatementId="api")
    permit(secured, api, "GET/open")
    assert asked(secured, api, "/open")[0] == 200


def test_a_route_with_iam_lets_in_who_may_invoke_it(secured, api, user):
    permit(secured, api)
    arn = f"arn:aws:execute-api:us-east-1:{A}:{api}/$default/GET/signed"
    ada = user("ada-api", {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": arn})
    status, told = asked(secured, api, "/signed", ada)
    assert status == 200
    assert told["iam"]["userArn"] == f"arn:aws:iam::{A}:user/ada-api"
    id = secured.client("iam").get_user(UserName="ada-api")["User"]["UserId"]
    assert (told["iam"]["callerId"], told["iam"]["userId"], told["iam"]["accessKey"]) == (id, id, ada["AccessKeyId"])
    bob = user("bob-api", {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": arn + "/other"})
    assert asked(secured, api, "/signed", bob) == (403, {"message": "Forbidden"})
    assert asked(secured, api, "/signed")[0] == 403
    assert asked(secured, api, "/signed", {**ada, "SecretAccessKey": "wrong"})[0] == 403


def test_managing_apis_is_allowed_by_http_method_and_path(secured, api, user):
    reader = user(
        "reader-api",
        {"Effect": "Allow", "Action": "apigateway:GET", "Resource": f"arn:aws:apigateway:us-east-1::/apis/{api}*"},
    )
    v2 = secured.client("apigatewayv2", reader)
    assert v2.get_api(ApiId=api)["ApiId"] == api
    assert len(v2.get_routes(ApiId=api)["Items"]) == 2
    for call, params in ((v2.delete_api, {"ApiId": api}), (v2.create_api, {"Name": "b", "ProtocolType": "HTTP"})):
        with pytest.raises(ClientError) as error:
            call(**params)
        assert error.value.response["Error"]["Code"] == "AccessDeniedException"
