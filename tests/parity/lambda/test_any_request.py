"""Any request that the model allows, for every operation, over a socket: what is answered has the form of AWS.

A valid one is never answered 500; one with a single constraint broken is a ValidationException that names the member.
Status, headers, content type and the spelling of Message are those of the model (facts/lambda-api.md §1).
"""

import base64
import http.client
import io
import json
import re
import zipfile
from urllib.parse import urlsplit

import botocore.awsrequest
import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize
import pytest
from botocore.awsrequest import HeadersDict
from botocore.exceptions import ClientError
from generated import Generator, breaks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samovar.core.service import fold
from samovar.wire import words
from samovar.wire.javaregex import JavaRegex

MODEL = botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("lambda", "service-2"), "lambda")
GENERATOR = Generator(JavaRegex(), valid=True, full=False)
ACCOUNT = "210000000001"
OTHER = "210000000002"
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
FEW = settings(max_examples=10, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
SPARING = settings(FEW, max_examples=3)
ONE = settings(FEW, max_examples=1)

EVERYWHERE = {
    # Answered by every operation, whatever its list of errors says (facts/lambda-api.md §1, §3).
    "AccessDeniedException": 403, "InvalidParameterValueException": 400, "NotImplementedException": 501,
    "ResourceConflictException": 409, "ResourceNotFoundException": 404, "TooManyRequestsException": 429,
    "ValidationException": 400,
}  # fmt: skip


def package():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("h.py"), "def handler(event, context):\n    return event\n")
    return buffer.getvalue()


POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "lambda:GetAlias"}]}
FUNCTIONS = [
    *["f", "f", "g", "f:1", "f:live", "f:$LATEST", "function:f", f"{ACCOUNT}:function:f", f"{ARN}:function:f"],
    *[f"{ARN}:function:f:live", "nobody", "f:nobody", f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f"],
    *[f"arn:aws:lambda:us-east-1:{OTHER}:function:f", f"{OTHER}:function:f"],
]
KNOWN = {
    # Member -> values that lead somewhere; generated ones seldom do.
    "FunctionName": FUNCTIONS,
    "Qualifier": ["1", "live", "$LATEST", "nobody", "7"],
    "Name": ["live", "other"],
    "FunctionVersion": ["1", "$LATEST", "7"],
    "Resource": [f"{ARN}:function:f", f"{ARN}:function:nobody", f"{ARN}:function:f:1"],
    "ResourceArn": [f"{ARN}:function:f", f"{ARN}:function:f:live", f"{ARN}:function:nobody"],
    "LayerName": ["layer", f"{ARN}:layer:layer", "none"],
    "VersionNumber": [1, 1, 2, 0],
    "Arn": [f"{ARN}:layer:layer:1", f"{ARN}:layer:layer:2"],
    "Layers": [[f"{ARN}:layer:layer:1"], [], [f"{ARN}:layer:layer:2"]],
    "StatementId": ["s", "t"],
    "Marker": ["Zg==", "%", "/w=="],
    "MaxItems": [1, 2, 50],
    "Runtime": ["python3.12", "python3.12", "nodejs20.x", "java21", "unheard-of"],
    "Role": [ROLE],
    "Action": ["lambda:InvokeFunction", "lambda:GetLayerVersion"],
    "Principal": ["*", OTHER, "s3.amazonaws.com", ROLE, "x"],
    "Policy": [json.dumps(POLICY), "{}", "[", json.dumps({**POLICY, "Statement": []})],
    "Code": [{"ZipFile": package()}, {"ImageUri": "i"}, {}],
    "Content": [{"ZipFile": package()}, {"ZipFile": b"x"}],
    "ZipFile": [package(), b"x"],
    "EventSourceArn": [f"arn:aws:sqs:us-east-1:{ACCOUNT}:q", f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s"],
    "Payload": [b"{}", b'"x"', b"{", b""],
    "ClientContext": ["", base64.b64encode(b"{}").decode(), "%"],
    "UUID": ["01234567-0123-0123-0123-0123456789ab"],
}


def valid(operation):
    """Parameters that the model allows, most of them about something that is there."""
    shape = MODEL.operation_model(operation).input_shape

    def lead(made):
        params, chance = made
        return {
            name: chance.choice(KNOWN[name]) if name in KNOWN and chance.random() < 0.8 else value
            for name, value in params.items()
        }

    return st.tuples(GENERATOR.of(shape), st.randoms(use_true_random=False)).map(lead)


class Wire:
    """A connection of its own, so that nothing between us and the bytes is anybody's library."""

    def __init__(self, url):
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)

    def send(self, operation, params):
        """(status, headers with lower-case names, body); None where the request has no form on the wire."""
        model = MODEL.operation_model(operation)
        serializer = botocore.serialize.create_serializer("rest-json", include_validation=False)
        request = serializer.serialize_to_request(params, model)
        botocore.awsrequest.prepare_request_dict(request, endpoint_url="http://localhost")
        prepared = botocore.awsrequest.create_request_object(request).prepare()
        url = urlsplit(prepared.url)
        credential = f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/us-east-1/lambda/aws4_request, Signature=0"
        headers = {**prepared.headers, "Authorization": credential}
        self._connection.request(prepared.method, f"{url.path}?{url.query}", prepared.body, headers)
        answer = self._connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def close(self):
        self._connection.close()


def check_error(operation, status, headers, body):
    """The answer of an error has the form of facts/lambda-api.md §1; its code."""
    code, said = headers["x-amzn-errortype"], json.loads(body)
    assert headers["content-type"] == "application/json"
    shapes = {shape.name: shape for shape in MODEL.error_shapes}
    if code in shapes:
        [spelling] = {"Message", "message"} & shapes[code].members.keys()
        assert status == shapes[code].metadata["error"]["httpStatusCode"]
        assert said.get("Type", "User") == "User"
    else:
        assert status == EVERYWHERE[code]
        spelling = "Message" if code == "AccessDeniedException" else "message"  # facts/iam.md §6
        assert said.keys() == {spelling}
    assert isinstance(said[spelling], str)
    assert not ({"Message", "message"} - {spelling}) & said.keys()
    listed = {shape.name for shape in MODEL.operation_model(operation).error_shapes}
    assert code in listed | EVERYWHERE.keys(), f"{operation} never answers {code}: {said}"
    return code


def check_success(operation, status, headers, body):
    """Nothing is in the answer that the model doesn't know, and boto3 reads it."""
    model = MODEL.operation_model(operation)
    own = {"DeleteFunction": 204, "Invoke": 200}.get(operation, model.http.get("responseCode", 200))
    assert status == own or (operation.startswith("Invoke") and status in (202, 204))
    if status == 204:
        assert body == b""
        return
    if model.has_event_stream_output:
        assert headers["content-type"] == "application/vnd.amazon.eventstream"
        return
    assert headers["content-type"] == "application/json"
    if model.has_streaming_output:
        return
    answered = json.loads(body)
    shape = model.output_shape
    names = {member.serialization.get("name", name) for name, member in shape.members.items()} if shape else set()
    assert answered.keys() <= names
    assert all(value is not None for value in answered.values())
    parser = botocore.parsers.create_parser("rest-json")
    parser.parse({"status_code": status, "headers": HeadersDict(headers), "body": body}, shape)


@pytest.fixture(scope="module")
def wire(server):
    connection = Wire(server.url)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def aws(connect):
    return connect(ACCOUNT)


@pytest.fixture
def seeded(aws):
    """Functions, a version, an alias, a layer, a policy: whatever the requests before have left of them."""

    def there(call, **params):
        try:
            call(**params)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceConflictException":
                raise

    for name in "fg":
        there(
            aws.create_function,
            FunctionName=name,
            Role=ROLE,
            Runtime="python3.12",
            Handler="h.handler",
            Code={"ZipFile": package()},
            Publish=True,
        )
        aws.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0})
    there(aws.create_alias, FunctionName="f", Name="live", FunctionVersion="$LATEST")
    there(aws.add_permission, FunctionName="f", StatementId="s", Action="lambda:GetAlias", Principal="*")
    if not aws.list_layer_versions(LayerName="layer")["LayerVersions"]:
        aws.publish_layer_version(LayerName="layer", Content={"ZipFile": package()})


def pytest_generate_tests(metafunc):
    if "operation" in metafunc.fixturenames:
        metafunc.parametrize("operation", sorted(MODEL.operation_names))


def test_any_valid_request_is_answered_in_the_form_of_aws(operation, service, wire, seeded):
    there = fold(operation) in {*service.operations, *service.direct}

    @(FEW if there else ONE)
    @given(valid(operation))
    def check(params):
        status, headers, body = wire.send(operation, params)
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", headers["x-amzn-requestid"])
        if status < 300:
            assert there
            check_success(operation, status, headers, body)
        else:
            code = check_error(operation, status, headers, body)
            assert there or code == "NotImplementedException"

    check()


def test_one_broken_constraint_is_a_validation_error_that_names_its_member(operation, service, wire):
    shape = MODEL.operation_model(operation).input_shape
    if not shape.members or fold(operation) not in {*service.operations, *service.direct}:
        return  # nothing to break, or nothing there that could notice
    unchecked = words.of("lambda").unchecked

    @SPARING
    @given(GENERATOR.of(shape), st.randoms(use_true_random=False))
    def check(params, chance):
        spoilt = [each for each in breaks(shape, params, "", unchecked) if travels(shape, *each)]
        for path, says, wrong in chance.sample(spoilt, min(5, len(spoilt))):
            status, headers, body = wire.send(operation, wrong)
            assert (status, headers["x-amzn-errortype"]) == (400, "ValidationException"), (path, wrong)
            message = json.loads(body)["message"]
            assert f" at '{path}' failed to satisfy constraint: " in message and says in message

    check()


def travels(shape, path, says, wrong):
    """Whether the wrong value comes over the wire as what it is: not so an empty label, or one that isn't there."""
    top = next(name for name in shape.members if f"{name[0].lower()}{name[1:]}" == path.split(".")[0])
    member = shape.members[top]
    location = member.serialization.get("location")
    if location is None:
        return top != shape.serialization.get("payload") and not has_gap(wrong)
    value = wrong.get(top)
    if not isinstance(value, str | int) or value == "":
        return False
    return location == "querystring" or (location == "uri" and "\n" not in str(value))


def has_gap(value):
    """Whether a list in it lacks an element, which botocore can't serialize."""
    if isinstance(value, dict):
        return any(map(has_gap, value.values()))
    return isinstance(value, list) and any(each is None or has_gap(each) for each in value)
