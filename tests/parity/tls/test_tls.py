"""`samovar up --tls`: one port for https and http, a certificate that clients trust once."""

import json
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.exceptions import ClientError, SSLError

ECHO = """
    import json

    def handler(event, context):
        return {"statusCode": 200, "body": json.dumps(event)}
"""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def ca(data_dir):
    """The path that `samovar ca` prints, before any server has run."""
    command = [sys.executable, "-c", "from samovar.cli import main; main()", "ca", "--data-dir", str(data_dir)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


@pytest.fixture(scope="module")
def server(platforms, data_dir, ca):
    running = platforms("--tls", "--auth", "on", "--data-dir", str(data_dir))
    yield running
    assert running.stop() == 0, running.said()


@pytest.fixture(scope="module")
def keys(server):
    found = dict(re.findall(r"export (AWS_\w+KEY\w*)=(\S+)", server.banner))
    return {"aws_access_key_id": found["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": found["AWS_SECRET_ACCESS_KEY"]}


@pytest.fixture(scope="module")
def client(server, keys, ca):
    """Makes boto3 clients that ask by https and verify."""
    made = []

    def make(service, scheme="https", verify=ca):
        endpoint = server.endpoint.replace("http://127.0.0.1", f"{scheme}://localhost")
        made.append(boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", verify=verify, **keys))
        return made[-1]

    yield make
    for each in made:
        each.close()


def curl(ca, url, *arguments):
    return subprocess.run(
        ["curl", "-sS", "--cacert", ca, "-w", " %{http_version}", *arguments, url],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_banner_names_what_to_trust(server, ca):
    assert f"export AWS_CA_BUNDLE={ca}" in server.banner
    assert "https://localhost:" in server.banner


def test_who_does_not_trust_the_authority_refuses_to_speak(client):
    with pytest.raises(SSLError):
        client("sts", verify=True).get_caller_identity()


def test_a_queue_made_by_https_has_an_https_url_and_works_by_both(client):
    queues = {scheme: client("sqs", scheme) for scheme in ("https", "http")}
    urls = {scheme: sqs.create_queue(QueueName="tls")["QueueUrl"] for scheme, sqs in queues.items()}
    assert urls["https"].startswith("https://localhost:")
    assert urls["http"].startswith("http://localhost:")
    queues["https"].send_message(QueueUrl=urls["https"], MessageBody="m")
    assert queues["http"].receive_message(QueueUrl=urls["http"])["Messages"][0]["Body"] == "m"


def test_objects_pass_whole(client):
    s3 = client("s3")
    s3.create_bucket(Bucket="tls-objects")
    content = bytes(range(256)) * 40_000
    s3.put_object(Bucket="tls-objects", Key="k", Body=content)
    assert s3.get_object(Bucket="tls-objects", Key="k")["Body"].read() == content


def test_a_policy_can_ask_for_secure_transport(client):
    secure, plain = client("s3"), client("s3", "http")
    secure.create_bucket(Bucket="secure-only")
    arn = "arn:aws:s3:::secure-only"
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:ListBucket",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    secure.put_bucket_policy(Bucket="secure-only", Policy=json.dumps(policy))
    secure.list_objects_v2(Bucket="secure-only")
    with pytest.raises(ClientError, match="AccessDenied"):
        plain.list_objects_v2(Bucket="secure-only")


@pytest.mark.skipif(not shutil.which("curl"), reason="curl isn't here")
def test_the_policy_of_a_rest_api_can_ask_for_secure_transport(client, ca):
    apis = client("apigateway")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}
    plain = {**statement, "Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement, plain]})
    api = apis.create_rest_api(name="secure", policy=policy)["id"]
    place = {"restApiId": api, "resourceId": apis.get_resources(restApiId=api)["items"][0]["id"], "httpMethod": "GET"}
    apis.put_method(**place, authorizationType="NONE")
    apis.put_integration(**place, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    apis.put_method_response(**place, statusCode="200")
    apis.put_integration_response(**place, statusCode="200")
    apis.create_deployment(restApiId=api, stageName="dev")
    port = apis.meta.endpoint_url.rpartition(":")[2]
    url = f"localhost:{port}/_aws/execute-api/{api}/dev/"
    shown = ("-o", "/dev/null", "-w", "%{http_code}")
    assert curl(ca, f"https://{url}", *shown).stdout.endswith("200")
    assert curl(ca, f"http://{url}", *shown).stdout.endswith("403")


@pytest.mark.skipif(not shutil.which("curl"), reason="curl isn't here")
def test_a_function_url_is_visited_by_https_under_its_own_name(client, server, ca):
    made = client("iam").create_role(
        RoleName="tls",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "lambda.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    }
                ],
            }
        ),
    )["Role"]
    lambda_ = client("lambda")
    lambda_.create_function(
        FunctionName="tls",
        Role=made["Arn"],
        Runtime=server.runtime,
        Handler="h.handler",
        Code={"ZipFile": server.package(ECHO)},
    )
    lambda_.get_waiter("function_active_v2").wait(FunctionName="tls", WaiterConfig={"Delay": 0, "MaxAttempts": 10_000})
    url = lambda_.create_function_url_config(FunctionName="tls", AuthType="NONE")["FunctionUrl"]
    lambda_.add_permission(
        FunctionName="tls",
        StatementId="all",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    assert url.startswith("https://") and ".lambda-url.us-east-1.localhost:" in url
    seen = curl(ca, url)
    assert seen.returncode == 0, seen.stderr
    body, _, version = seen.stdout.rpartition(" ")
    headers = json.loads(body)["headers"]
    assert version == "1.1"
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-amzn-tls-version"] == "TLSv1.3"
    assert headers["x-amzn-tls-cipher-suite"].startswith("TLS_")


@pytest.mark.skipif(not shutil.which("curl"), reason="curl isn't here")
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "abc.execute-api.eu-west-1.localhost", "any.localhost"])
def test_curl_verifies_every_name_of_this_machine(server, ca, name):
    port = server.endpoint.rpartition(":")[2]
    seen = curl(ca, f"https://{name}:{port}/_samovar/health", "--resolve", f"{name}:{port}:127.0.0.1")
    assert seen.returncode == 0, seen.stderr


def test_the_authority_outlives_kill_9_and_the_operator_asks_by_https(platforms, tmp_path):
    first = platforms("--tls", "--data-dir", str(tmp_path))
    made = (tmp_path / "tls" / "ca.pem").read_bytes()
    first.kill()
    second = platforms("--tls", "--data-dir", str(tmp_path))
    try:
        assert (tmp_path / "tls" / "ca.pem").read_bytes() == made
        command = [sys.executable, "-c", "from samovar.cli import main; main()", "events", "--data-dir", str(tmp_path)]
        asked = subprocess.run(
            [*command, "--endpoint", second.endpoint.replace("http://127.0.0.1", "https://localhost")],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert asked.returncode == 0, asked.stderr
    finally:
        assert second.stop() == 0


def test_a_certificate_of_the_users_is_shown(platforms, tmp_path):
    from samovar.core.clock import SystemClock
    from samovar.gateway.certificates import Authority

    file = tmp_path / "mine.pem"
    file.write_bytes(Authority.open(tmp_path / "other" / "ca.pem", SystemClock()).issue(["127.0.0.1"]))
    running = platforms("--ephemeral", "--tls-cert", str(file), "--tls-key", str(file))
    try:
        sts = boto3.client(
            "sts",
            endpoint_url=running.endpoint.replace("http", "https"),
            region_name="us-east-1",
            verify=str(tmp_path / "other" / "ca.pem"),
            aws_access_key_id="123456789012",
            aws_secret_access_key="any",
        )
        assert sts.get_caller_identity()["Account"] == "123456789012"
    finally:
        assert running.stop() == 0


def test_without_tls_a_client_that_speaks_it_is_refused(endpoint):
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(endpoint.replace("http", "https"), timeout=20)
