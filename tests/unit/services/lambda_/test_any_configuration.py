"""Any sequence of valid requests to what hangs on functions: each is answered or refused in the model's words, what was
answered is still there after a restart, and a deleted function leaves nothing behind."""

import random
from typing import Any

import pytest

from samovar.core.errors import AwsError
from samovar.net.message import Request, Response
from samovar.wire.model import Models

ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
MODEL = Models()["lambda"]
STEPS = 300

FUNCTIONS = ["f", "f", f"{ARN}f", "g", "f:live", "function:g", "nobody"]
QUALIFIERS = ["1", "2", "live", "nobody", "$LATEST"]
REVISIONS = ["11111111-2222-4333-a444-555555555555"]
ANY_POLICY = '{"Statement":{"Effect":"Allow","Principal":"*","Action":"*"}}'
CSC = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-"
PROFILES = {"SigningProfileVersionArns": ["arn:aws:signer:us-east-1:123456789012:/signing-profiles/p/v"]}
QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
DESTINATIONS = [
    {},
    {"OnSuccess": {}},
    {"OnSuccess": {"Destination": ""}, "OnFailure": {"Destination": QUEUE}},
    {"OnFailure": {"Destination": "kafka://topic"}},
    {"OnSuccess": {"Destination": f"{ARN}g"}},
    {"OnSuccess": {"Destination": "arn:aws:lambda:us-east-1:123456789012:layer:l:1"}},
]
PAGES = {"Marker": ["%", "", "Zg=="], "MaxItems": [1, 50]}
STATEMENTS = ["a", "b", "a-1"]
CORS = [{}, {"AllowOrigins": ["*"], "MaxAge": 0}, {"AllowMethods": [], "AllowCredentials": True}]
INVOKE_CONFIG = {
    "Qualifier": QUALIFIERS,
    "MaximumRetryAttempts": [0, 2],
    "MaximumEventAgeInSeconds": [60, 21600],
    "DestinationConfig": DESTINATIONS,
}
URL = {"Qualifier": ["live", "nobody"], "Cors": CORS, "InvokeMode": ["BUFFERED", "RESPONSE_STREAM"]}
PERMISSION = {
    "Qualifier": QUALIFIERS,
    "SourceArn": ["arn:aws:s3:::b"],
    "SourceAccount": ["1" * 12],
    "FunctionUrlAuthType": ["NONE", "AWS_IAM"],
    "InvokedViaFunctionUrl": [True, False],
    "EventSourceToken": ["t"],
    "PrincipalOrgID": ["o-1234567890"],
    "RevisionId": REVISIONS,
}
RESOURCES = [f"{ARN}f", f"{ARN}f:live", f"{ARN}nobody", f"{ARN}f:$LATEST"]
CONFIGS = [f"{CSC}{'0' * 17}", "made"]
SIGNING = {"CodeSigningPolicies": [{}, {"UntrustedArtifactOnDeployment": "Enforce"}], "Description": ["", "d"]}

REQUESTS: dict[str, tuple[dict[str, list[Any]], dict[str, list[Any]]]] = {
    # operation: (always, sometimes); each member with the values to choose from
    "AddPermission": (
        {
            "FunctionName": FUNCTIONS,
            "StatementId": STATEMENTS,
            "Action": ["*", "lambda:*", "lambda:InvokeFunctionUrl"],
            "Principal": ["*", "1" * 12, "s3.amazonaws.com", "nobody"],
        },
        PERMISSION,
    ),
    "RemovePermission": (
        {"FunctionName": FUNCTIONS, "StatementId": STATEMENTS},
        {"Qualifier": QUALIFIERS, "RevisionId": REVISIONS},
    ),
    "GetPolicy": ({"FunctionName": FUNCTIONS}, {"Qualifier": QUALIFIERS}),
    "PutResourcePolicy": (
        {"ResourceArn": RESOURCES, "Policy": [ANY_POLICY, "{}", "[", '{"Statement":[1]}']},
        {"RevisionId": REVISIONS},
    ),
    "GetResourcePolicy": ({"ResourceArn": RESOURCES}, {}),
    "DeleteResourcePolicy": ({"ResourceArn": RESOURCES}, {"RevisionId": REVISIONS}),
    "CreateFunctionUrlConfig": ({"FunctionName": FUNCTIONS, "AuthType": ["NONE", "AWS_IAM"]}, URL),
    "UpdateFunctionUrlConfig": ({"FunctionName": FUNCTIONS}, {**URL, "AuthType": ["NONE", "AWS_IAM"]}),
    "GetFunctionUrlConfig": ({"FunctionName": FUNCTIONS}, {"Qualifier": URL["Qualifier"]}),
    "DeleteFunctionUrlConfig": ({"FunctionName": FUNCTIONS}, {"Qualifier": URL["Qualifier"]}),
    "ListFunctionUrlConfigs": ({"FunctionName": FUNCTIONS}, PAGES),
    "PutFunctionEventInvokeConfig": ({"FunctionName": FUNCTIONS}, INVOKE_CONFIG),
    "UpdateFunctionEventInvokeConfig": ({"FunctionName": FUNCTIONS}, INVOKE_CONFIG),
    "GetFunctionEventInvokeConfig": ({"FunctionName": FUNCTIONS}, {"Qualifier": QUALIFIERS}),
    "DeleteFunctionEventInvokeConfig": ({"FunctionName": FUNCTIONS}, {"Qualifier": QUALIFIERS}),
    "ListFunctionEventInvokeConfigs": ({"FunctionName": FUNCTIONS}, PAGES),
    "CreateCodeSigningConfig": ({"AllowedPublishers": [PROFILES]}, {**SIGNING, "Tags": [{}, {"a": "b"}]}),
    "GetCodeSigningConfig": ({"CodeSigningConfigArn": CONFIGS}, {}),
    "UpdateCodeSigningConfig": ({"CodeSigningConfigArn": CONFIGS}, {**SIGNING, "AllowedPublishers": [PROFILES]}),
    "DeleteCodeSigningConfig": ({"CodeSigningConfigArn": CONFIGS}, {}),
    "ListCodeSigningConfigs": ({}, PAGES),
    "ListFunctionsByCodeSigningConfig": ({"CodeSigningConfigArn": CONFIGS}, PAGES),
    "PutFunctionCodeSigningConfig": ({"CodeSigningConfigArn": CONFIGS, "FunctionName": FUNCTIONS}, {}),
    "GetFunctionCodeSigningConfig": ({"FunctionName": FUNCTIONS}, {}),
    "DeleteFunctionCodeSigningConfig": ({"FunctionName": FUNCTIONS}, {}),
}
READS = [operation for operation in REQUESTS if operation.startswith(("Get", "List"))]
CODES = {
    "AccessDeniedException", "CodeSigningConfigNotFoundException", "InvalidParameterValueException",
    "NotImplementedException", "PreconditionFailedException", "ResourceConflictException", "ResourceNotFoundException",
    "ValidationException",
}  # fmt: skip


class Player:
    """Draws requests and puts them to the service."""

    def __init__(self, lab: Any, seed: int) -> None:
        self._lab = lab
        self._random = random.Random(seed)
        self._configs: list[str] = []
        self.answered: set[str] = set()

    def draw(self, operation: str) -> dict[str, Any]:
        always, sometimes = REQUESTS[operation]
        some = self._random.sample(sorted(sometimes), self._random.randint(0, min(3, len(sometimes))))
        params = {name: self._random.choice(values) for name, values in always.items()}
        params |= {name: self._random.choice(sometimes[name]) for name in some}
        if params.get("CodeSigningConfigArn") == "made":
            params["CodeSigningConfigArn"] = self._random.choice(self._configs or CONFIGS[:1])
        return params

    def ask(self, operation: str, params: dict[str, Any]) -> object:
        """The answer as bytes, or the error."""
        compiled = MODEL.operation(operation)
        try:
            compiled.validate(params)
            answer = self._lab.call(operation, **params)
        except AwsError as error:
            assert error.code in CODES, (operation, params, error)
            return str(error)
        self.answered.add(operation)
        if operation == "CreateCodeSigningConfig":
            self._configs.append(answer["CodeSigningConfig"]["CodeSigningConfigArn"])
        return compiled.serialize(answer, "id").body

    def step(self) -> None:
        operation = self._random.choice(sorted(REQUESTS))
        self.ask(operation, self.draw(operation))


@pytest.fixture
def player(lab: Any, request: pytest.FixtureRequest) -> Player:
    for name in "fg":
        lab.create(name)
    lab.call("PublishVersion", FunctionName="f")
    lab.call("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    return Player(lab, request.param)


@pytest.mark.parametrize("player", range(4), indirect=True)
def test_every_request_is_answered_or_refused_and_survives_a_restart(lab: Any, player: Player) -> None:
    for _ in range(STEPS):
        player.step()
    asked = [(operation, player.draw(operation)) for operation in READS * 3]
    before = [player.ask(*each) for each in asked]
    lab.restart()
    assert [player.ask(*each) for each in asked] == before
    assert len(player.answered) > 15, player.answered


@pytest.mark.parametrize("player", [7], indirect=True)
def test_a_deleted_function_leaves_nothing_behind(lab: Any, player: Player) -> None:
    for _ in range(STEPS):
        player.step()

    def kept() -> list[str]:
        rows = lab.runner.run(lab.store.query("SELECT name, key FROM records"))
        return [name for name, key in rows if '"f"' in key or '"g"' in key]

    assert {"lambda.policies", "lambda.urls", "lambda.event-invoke-configs"} <= set(kept())
    for name in "fg":
        lab.call("DeleteFunction", FunctionName=name)
    assert kept() == []


def test_a_url_leads_to_its_function_after_a_restart_and_nowhere_when_that_is_gone(lab: Any) -> None:
    lab.create()
    lab.call("AddPermission", FunctionName="f", StatementId="s", Action="lambda:InvokeFunctionUrl", Principal="*")
    address = lab.call("CreateFunctionUrlConfig", FunctionName="f", AuthType="NONE")["FunctionUrl"]
    host = address.removeprefix("http://").removesuffix("/")

    def status() -> int:
        answers: list[Response] = []
        lab.urls.serve(Request("GET", "/", "", {"host": host}, b""), lab.ctx, answers.append)
        return answers[0].status

    assert status() == 200
    lab.restart()
    assert status() == 200
    [(version, invocation)] = lab.engine.started
    assert (version.version, invocation.invoked_arn) == ("$LATEST", f"{ARN}f")
    assert invocation.request_id == lab.ctx.request_id
    lab.call("DeleteFunction", FunctionName="f")
    lab.create()
    assert status() == 403
