"""AWS Chalice as it comes from PyPI: it deploys by the APIs of IAM, Lambda and API Gateway, without CloudFormation."""

import json
import urllib.error
import urllib.request

import fetched
import pytest

pytestmark = pytest.mark.timeout(400)  # the first run installs

APP = """
import os
import boto3
from chalice import AuthResponse, Chalice

app = Chalice(app_name="tea")
app.experimental_feature_flags.add("WEBSOCKETS")
app.websocket_api.session = boto3.Session()


@app.authorizer()
def guard(request):
    return AuthResponse(routes=["/secret"] if request.token == "fine" else [], principal_id="me")


@app.route("/cups/{name}", methods=["PUT"], cors=True)
def cup(name):
    return {"cup": name, "body": app.current_request.json_body}


@app.route("/secret", authorizer=guard)
def secret():
    return app.current_request.context["authorizer"]["principalId"]


@app.lambda_function()
def plain(event, context):
    print("plain was here")
    return {"%s": True}


@app.on_ws_message()
def heard(event):
    pass
"""


@pytest.fixture(scope="session")
def installed():
    return fetched.python("chalice==1.34.0")


@pytest.fixture
def chalice(run, installed, tmp_path):
    folder = tmp_path / "tea"
    (folder / ".chalice").mkdir(parents=True)
    (folder / ".chalice/config.json").write_text('{"version": "2.0", "app_name": "tea"}')
    (folder / "requirements.txt").touch()

    def chalice(*arguments):
        start = "from chalice.cli import main; import sys; sys.exit(main())"
        done = run("-c", start, "--project-dir", str(folder), *arguments, folder=installed)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    chalice.folder = folder
    return chalice


def asked(address, path, method="GET", body=None, **headers):
    request = urllib.request.Request(address + path, body, headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_chalice_deploys_changes_invokes_and_deletes(chalice, endpoint, client):
    (chalice.folder / "app.py").write_text(APP % "first")
    assert "Creating Rest API" in chalice("deploy")
    [api] = client("apigateway").get_rest_apis()["items"]
    address = f"{endpoint}/_aws/execute-api/{api['id']}/api"
    json_ = {"Content-Type": "application/json"}
    assert asked(address, "/cups/green", "PUT", b"[1]", **json_) == (200, '{"cup":"green","body":[1]}')
    assert asked(address, "/cups/green", "OPTIONS")[0] == 200
    assert asked(address, "/secret")[0] == 401
    assert asked(address, "/secret", Authorization="fine") == (200, "me")
    refused = '{"Message":"User is not authorized to access this resource"}'
    assert asked(address, "/secret", Authorization="wrong") == (403, refused)
    assert json.loads(chalice("invoke", "--name", "plain")) == {"first": True}
    (chalice.folder / "app.py").write_text(APP % "second")
    assert "Updating rest API" in chalice("deploy")
    assert json.loads(chalice("invoke", "--name", "plain")) == {"second": True}
    assert asked(address, "/secret", Authorization="fine") == (200, "me")
    assert "plain was here" in chalice("logs", "--name", "plain")
    assert address.rpartition("/_aws/execute-api/")[2].partition("/")[0] in chalice("url")
    chalice("delete")
    assert client("apigateway").get_rest_apis()["items"] == []
    assert client("apigatewayv2").get_apis()["Items"] == []
    assert client("lambda").list_functions()["Functions"] == []
    assert client("iam").list_roles()["Roles"] == []
