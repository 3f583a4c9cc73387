"""Whatever is asked, there is an answer of AWS's form: never a 500 of the platform's own.

Requests are made from the service model, with the names of things that are there and of others, and with patches of
every kind. Then the API that has come of it is visited.
"""

import random

import botocore.exceptions
import pytest

TEXTS = [
    "", "a", "/", "*", "*/*", "{}", "[", "null", "true", "1", "-1", "image/png", "x" * 300, "é☃", "a/b~1c",
    "{proxy+}", "{x}", "method.request.header.A", "integration.request.header.A", "'static'", "context.stage",
    "$context.x", "application/json", "$default", "arn:aws:sqs:us-east-1:1:q", "http://127.0.0.1:1/{x}",
    "#set($x = ", "200", '{"statusCode": 200}', '{"type": "object"}', '{"$ref": "#"}', "(a+)+", "NONE", "MOCK",
    "GET",
]  # fmt: skip
PATHS = [
    "", "/", "//", "x", "/name", "/description", "/policy", "/variables/a", "/variables", "/canarySettings",
    "/canarySettings/percentTraffic", "/canarySettings/deploymentId", "/deploymentId", "/*/*",
    "/*/*/metrics/enabled", "/~1a/GET/throttling/rateLimit", "/a/b/c/d/e/f", "/throttle", "/throttle/rateLimit",
    "/quota/limit", "/apiStages", "/apiStages/a:b", "/apiStages/a:b/throttle/x/GET/rateLimit",
    "/binaryMediaTypes/a~1b", "/enabled", "/endpointConfiguration/types/0",
    "/endpointConfiguration/vpcEndpointIds/x", "/requestParameters/a", "/requestTemplates/application~1json",
    "/cacheKeyParameters/a", "/timeoutInMillis", "/uri", "/type", "/authorizationScopes",
    "/authorizerResultTtlInSeconds", "/identitySource", "/authorizationType", "/apiKeyRequired", "/statusCode",
    "/responseTemplates/x", "/selectionPattern", "/contentHandling", "/schema", "/pathPart", "/parentId",
    "/accessLogSettings/format", "/accessLogSettings/destinationArn", "/minimumCompressionSize", "/remaining",
    "/basePath", "/cacheClusterEnabled", "/cacheClusterSize", "/routingMode", "/features", "/cloudwatchRoleArn",
    "/properties", "/tracingEnabled", "/passthroughBehavior", "/tlsConfig/insecureSkipVerification",
    "/requestModels/x",
]  # fmt: skip
OPERATIONS = ["replace"] * 6 + ["add"] * 3 + ["remove"] * 2 + ["copy", "move", "test"]
SPARED = {"DeleteRestApi", "GetSdk"}
ROUNDS = 2
FUNCTION = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:1:function:f/invocations"
)
POLICY = '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "*"}]}'


class Maker:
    """Makes parameters from shapes."""

    def __init__(self, chance, known):
        self._chance = chance
        self._known = known

    def make(self, shape, name=""):
        chance = self._chance
        if name == "patchOperations":
            return [self._patch() for _ in range(chance.choice([0, 1, 1, 1, 2]))]
        if name in self._known and chance.random() < 0.85:
            return chance.choice(self._known[name])
        kind = shape.type_name
        if kind == "structure":
            return {
                member: self.make(each, member)
                for member, each in shape.members.items()
                if member in shape.required_members or chance.random() < 0.4
            }
        if kind == "list":
            return [self.make(shape.member) for _ in range(chance.randint(0, 2))]
        if kind == "map":
            return {self.make(shape.key) or "k": self.make(shape.value) for _ in range(chance.randint(0, 2))}
        if kind == "string":
            return chance.choice(shape.enum) if shape.enum and chance.random() < 0.8 else chance.choice(TEXTS)
        if kind == "boolean":
            return chance.random() < 0.5
        if kind in ("integer", "long", "float", "double"):
            return chance.choice([0, 1, 2, 50, -1, 500, 2**31 - 1])
        return chance.choice(TEXTS).encode() if kind == "blob" else 1_700_000_000

    def _patch(self):
        chance = self._chance
        made = {"op": chance.choice(OPERATIONS), "path": chance.choice(PATHS), "value": chance.choice(TEXTS)}
        if chance.random() < 0.3:
            made["from"] = chance.choice(
                ["/canarySettings/deploymentId", "/canarySettings/stageVariableOverrides", "/x"]
            )
        return {name: value for name, value in made.items() if chance.random() < 0.95}


def _ids(answer, member="id"):
    return [*(each[member] for each in answer["items"]), "none"]


def known_of(api, client):
    """The names of what is there, and of what isn't."""
    resources = _ids(api.get_resources(limit=500))
    keys = _ids(client.get_api_keys(limit=500))[-4:]
    return {
        "restApiId": [api.id] * 30 + ["nothing"],
        "resourceId": resources,
        "parentId": resources,
        "pathPart": ["a", "b", "{x}", "{proxy+}", "", "x y"],
        "httpMethod": ["GET", "GET", "POST", "ANY", "BREW"],
        "statusCode": ["200", "500"],
        "stageName": ["dev", "dev", "live", "none", "a b"],
        "deploymentId": _ids(api.get_deployments()),
        "authorizerId": _ids(api.get_authorizers()),
        "authorizerUri": [FUNCTION, FUNCTION, "x"],
        "requestValidatorId": _ids(api.get_request_validators()),
        "documentationPartId": _ids(api.get_documentation_parts()),
        "documentationVersion": _ids(api.get_documentation_versions(), "version"),
        "modelName": ["Empty", "Error", "none"],
        "apiKey": keys,
        "keyId": keys,
        "keyType": ["API_KEY", "API_KEY", "x"],
        "usagePlanId": _ids(client.get_usage_plans(limit=500))[-4:],
        "vpcLinkId": _ids(client.get_vpc_links(limit=500))[-3:],
        "clientCertificateId": _ids(client.get_client_certificates(limit=500), "clientCertificateId")[-3:],
        "domainName": ["any.example.com", "any.example.com", "x", "*.example.com"],
        "regionalCertificateArn": ["arn:aws:acm:us-east-1:1:certificate/x"],
        "certificateArn": ["arn:aws:acm:us-east-1:1:certificate/x"],
        "basePath": ["a", "(none)", "a/b"],
        "resourceArn": [f"arn:aws:apigateway:us-east-1::/restapis/{api.id}", "x", "arn:aws:apigateway:us-east-1::/x"],
        "startDate": ["2026-01-01", "x"],
        "endDate": ["2026-01-31", "2025-01-01"],
        "position": ["YQ==", "%"],
        "identitySource": ["method.request.header.A", "context.stage", "x"],
        "policy": ["", POLICY, POLICY.replace("*", "x"), "{"],
        "uri": ["http://127.0.0.1:1/", "arn:aws:apigateway:us-east-1:sqs:path/1/q", "x", FUNCTION],
        "pathWithQueryString": ["/a?x=%zz", "", "x", "/?&&=&a"],
        "properties": ["{}", "x", ""],
        "body": [
            b"{}",
            b"",
            b"name,key\na,\n",
            b'{"swagger": "2.0", "paths": {"/a": {}}}',
            b"openapi: 3.0.0\npaths: []",
        ],
        "schema": ['{"type": "object"}', "{", '{"$ref": "#"}', '{"type": 7}', "[]"],
    }


@pytest.mark.parametrize("seed", range(1))
def test_whatever_is_asked_has_an_answer_of_awss_form(rest, seed):
    api, chance = rest(), random.Random(seed)
    api.mock("/a", template='{"x": "$input.params()"}')
    api.deploy()
    client = api.client
    model = client.meta.service_model
    maker = Maker(chance, known_of(api, client))
    for _ in range(ROUNDS):
        names = [each for each in model.operation_names if each not in SPARED]
        for at, name in enumerate(chance.sample(names, len(names))):
            if name.startswith("Delete") and chance.random() < 0.7:
                continue
            if at % 10 == 0:
                maker = Maker(chance, known_of(api, client))
            shape = model.operation_model(name).input_shape
            params = maker.make(shape) if shape else {}
            try:
                client._make_api_call(name, params)
            except botocore.exceptions.ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                assert 400 <= status < 500 or status == 501, (name, params, error)
            except (botocore.exceptions.ParamValidationError, ValueError):
                continue  # boto3 doesn't send it
        for path in ("/a", "/b", "/", "/a/b?x=%zz&y"):
            assert api("GET", path).status in (200, 400, 401, 403, 404, 415, 429, 500, 502, 504)
