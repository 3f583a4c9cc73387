"""The generated client for JavaScript, run by Node.js: keys, signatures, parameters (GetSdk)."""

import io
import json
import re
import shutil
import subprocess
import zipfile

import boto3
import pytest
from botocore.exceptions import ClientError

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="no Node.js")
ASK = """
    const factory = require(process.argv[2]);
    const [config, name, params, body, additional] = JSON.parse(process.argv[3]);
    factory.newClient(config)[name](params, body, additional).then(
      (answer) => console.log(JSON.stringify([answer.status, answer.data])),
      (error) => console.log(JSON.stringify([error.response ? error.response.status : 0, error.message])),
    );
"""


@pytest.fixture(scope="module")
def server(platforms):
    """One where signatures count, and its first key."""
    running = platforms("--ephemeral", "--auth", "on")
    found = dict(re.findall(r"export (AWS_\w+KEY\w*)=(\S+)", running.banner))
    yield running, found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"]
    assert running.stop() == 0, running.said()


def test_the_client_calls_the_api_with_keys_signatures_and_parameters(server, tmp_path):
    running, access_key, secret = server
    made = {"region_name": "us-east-1", "aws_access_key_id": access_key, "aws_secret_access_key": secret}
    client = boto3.client("apigateway", endpoint_url=running.endpoint, **made)
    api = client.create_rest_api(name="pets")
    parent = api["rootResourceId"]
    printed = """{"id": "$input.params('id')", "x": "$input.params('X-Kind')", "q": "$input.params('size')",
        "key": "$context.identity.apiKeyId", "who": "$context.identity.userArn"}"""

    def method(path, verb, **options):
        nonlocal parent
        place = {"restApiId": api["id"], "httpMethod": verb}
        place["resourceId"] = client.create_resource(restApiId=api["id"], parentId=parent, pathPart=path)["id"]
        client.put_method(**place, **{"authorizationType": "NONE"} | options)
        client.put_integration(**place, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
        client.put_method_response(**place, statusCode="200")
        client.put_integration_response(**place, statusCode="200", responseTemplates={"application/json": printed})
        return place["resourceId"]

    parent = method("pets", "GET", authorizationType="AWS_IAM")
    wanted = {f"method.request.{each}": False for each in ("path.id", "header.X-Kind", "querystring.size")}
    client.create_model(
        restApiId=api["id"], name="M", contentType="application/json", schema='{"type": "object", "required": ["a"]}'
    )
    validator = client.create_request_validator(restApiId=api["id"], validateRequestBody=True)["id"]
    held = {"requestModels": {"application/json": "M"}, "requestValidatorId": validator}
    method("{id}", "POST", requestParameters=wanted, apiKeyRequired=True, **held)
    client.create_deployment(restApiId=api["id"], stageName="s")
    key = client.create_api_key(name="k", enabled=True)
    plan = client.create_usage_plan(name="p", apiStages=[{"apiId": api["id"], "stage": "s"}])["id"]
    client.create_usage_plan_key(usagePlanId=plan, keyId=key["id"], keyType="API_KEY")
    answer = client.get_sdk(restApiId=api["id"], stageName="s", sdkType="javascript")
    assert answer["contentDisposition"].startswith('attachment; filename="javascript_')
    zipfile.ZipFile(io.BytesIO(answer["body"].read())).extractall(tmp_path)
    (tmp_path / "ask.js").write_text(ASK)
    endpoint = f"{running.endpoint}/_aws/execute-api/{api['id']}/s"

    def ask(name, params=None, body=None, additional=None, **config):
        words = json.dumps([{"endpoint": endpoint, **config}, name, params, body, additional])
        sdk = str(tmp_path / "apiGateway-js-sdk" / "apigClient.js")
        done = subprocess.run(
            [NODE, str(tmp_path / "ask.js"), sdk, words], capture_output=True, text=True, timeout=60, check=True
        )
        return json.loads(done.stdout)

    params = {"id": "a/b c", "X-Kind": "dog", "size": "1+1"}
    status, data = ask("petsIdPost", params, {"a": 1}, apiKey=key["value"])
    assert (status, data) == (200, {"id": "a/b c", "x": "dog", "q": "1+1", "key": key["id"], "who": ""})
    assert ask("petsIdPost", params, {"n": 1}, apiKey=key["value"])[0] == 400  # by the model of its body
    assert ask("petsIdPost", params, {"n": 1})[0] == 403
    assert ask("petsIdPost", {})[1] == "Missing required parameters: id"
    keys = {"accessKey": access_key, "secretKey": secret}
    status, data = ask("petsGet", None, None, {"queryParams": {"size": "b c/d", "a": "1"}}, **keys)
    assert status == 200 and data["q"] == "b c/d" and data["who"].startswith("arn:aws:")
    assert ask("petsGet", **keys | {"secretKey": "wrong"})[0] == 403
    assert ask("petsGet")[0] == 403
    client.close()


def test_there_are_clients_for_javascript_only(platform):
    client = platform.client("apigateway")
    assert [each["id"] for each in client.get_sdk_types()["items"]] == ["javascript"]
    assert client.get_sdk_type(id="javascript")["friendlyName"] == "JavaScript"
    api = client.create_rest_api(name="none")
    with pytest.raises(ClientError, match="Invalid stage"):
        client.get_sdk(restApiId=api["id"], stageName="s", sdkType="javascript")
    client.delete_rest_api(restApiId=api["id"])
