"""Every variable that AWS's guide lists for access logs of REST, HTTP and WebSocket APIs ("Variables for access
logging", "Customize HTTP API access logs", "Configure logging for WebSocket APIs"): which are set, for whom."""

import json
import time
import urllib.error
import urllib.request
import uuid

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

ANSWERS = """
    import json

    def handler(event, context):
        if event.get("type") in ("TOKEN", "REQUEST"):
            if event.get("authorizationToken") == "nobody":
                raise Exception("Unauthorized")
            statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "*"}
            policy = {"Version": "2012-10-17", "Statement": [statement]}
            return {"principalId": "me", "policyDocument": policy, "context": {"key": "value", "number": 1}}
        return {"statusCode": 201, "body": "hello"}
"""
IDENTITY = [
    f"identity.{each}"
    for each in (
        "accountId apiKey apiKeyId caller cognitoAuthenticationProvider cognitoAuthenticationType cognitoIdentityId "
        "cognitoIdentityPoolId principalOrgId sourceIp user userAgent userArn"
    ).split()
]
CERTIFICATE = [
    f"identity.clientCert.{each}"
    for each in "clientCertPem subjectDN issuerDN serialNumber validity.notBefore validity.notAfter".split()
]
STEPS = [f"{step}.{each}" for step in ("authenticate", "authorize", "waf") for each in ("error", "latency", "status")]
AUTHORIZER = [
    f"authorizer.{each}"
    for each in "error integrationLatency integrationStatus latency requestId status principalId key number".split()
]
ERROR = ["error.message", "error.messageString", "error.responseType", "error.validationErrorString"]
INTEGRATION = [f"integration.{each}" for each in ("error", "integrationStatus", "latency", "requestId", "status")]
REST = """
    accountId apiId authorizer.claims awsEndpointRequestId cipherSuite customDomain.basePathMatched
    customDomain.routingRuleIdMatched deploymentId domainName domainPrefix endpointType extendedRequestId httpMethod
    identity.vpcId identity.vpceId integration.responseTransferMode integration.timeToAllHeaders
    integration.timeToFirstContent integrationLatency integrationStatus isCanaryRequest path protocol requestId
    requestTime requestTimeEpoch resourceId resourcePath responseLatency responseLength stage status tlsVersion
    wafResponseCode webaclArn xrayTraceId
""".split()
REST += [*IDENTITY, *CERTIFICATE, *STEPS, *AUTHORIZER, *ERROR, *INTEGRATION]
HTTP = """
    accountId apiId authorizer.claims authorizer.error authorizer.principalId authorizer.key authorizer.number
    awsEndpointRequestId awsEndpointRequestId2 customDomain.basePathMatched dataProcessed domainName domainPrefix
    extendedRequestId httpMethod integrationErrorMessage integrationLatency integrationStatus path protocol requestId
    requestTime requestTimeEpoch responseLatency responseLength routeKey stage status
""".split()
HTTP += [*(each for each in IDENTITY if "apiKey" not in each), *CERTIFICATE, *ERROR[:3], *INTEGRATION]
SOCKET = """
    apiId connectedAt connectionId domainName eventType extendedRequestId integrationLatency messageId requestId
    requestTime requestTimeEpoch routeKey stage status
""".split()
SOCKET += [*IDENTITY, *STEPS, *AUTHORIZER, *ERROR, *INTEGRATION]
NUMBERS = ("latency", "Latency", "Length", "Epoch", "connectedAt", "dataProcessed")


@pytest.fixture
def group(platform):
    logs, name = platform.client("logs"), f"access-{uuid.uuid4().hex}"
    logs.create_log_group(logGroupName=name)
    yield name
    logs.delete_log_group(logGroupName=name)


def settings(group, names):
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{group}"
    return arn, "|".join(f"$context.{name}" for name in names)


def told(platform, group, names, count):
    """What the lines say that is set, in the order of the requests."""
    logs, deadline = platform.client("logs"), time.monotonic() + 60
    while True:
        events = logs.filter_log_events(logGroupName=group)["events"]
        if len(events) >= count:
            break
        assert time.monotonic() < deadline, events
        time.sleep(0.05)
    found = []
    for event in events:
        values = dict(zip(names, event["message"].split("|"), strict=True))
        found.append({name: value for name, value in values.items() if value != "-"})
    found.sort(key=lambda each: int(each["requestTimeEpoch"]))
    for each in found:
        for name in list(each):
            if name.endswith(NUMBERS):
                assert each.pop(name).isdecimal(), name
    return found


def ask(platform, api, path, **headers):
    url = f"{platform.endpoint}/_aws/execute-api/{api}{path}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code


def uri(platform, function):
    arn = platform.client("lambda").get_function_configuration(FunctionName=function.name)["FunctionArn"]
    return arn, f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"


def taken(found, *names):
    return {name: found.pop(name) for name in names if name in found}


def test_the_variables_of_a_rest_api(platform, deploy, group):
    client, function = platform.client("apigateway"), deploy(ANSWERS)
    _, invoked = uri(platform, function)
    api = client.create_rest_api(name="logged")
    asked = {"type": "TOKEN", "authorizerUri": invoked, "identitySource": "method.request.header.Auth"}
    authorizer = client.create_authorizer(restApiId=api["id"], name="a", authorizerResultTtlInSeconds=0, **asked)["id"]
    client.create_model(
        restApiId=api["id"], name="M", contentType="application/json", schema='{"type":"object","required":["a"]}'
    )
    validator = client.create_request_validator(restApiId=api["id"], validateRequestBody=True)["id"]

    def method(path, verb="GET", **options):
        made = client.create_resource(restApiId=api["id"], parentId=api["rootResourceId"], pathPart=path)["id"]
        place = {"restApiId": api["id"], "resourceId": made, "httpMethod": verb}
        client.put_method(**place, **{"authorizationType": "NONE"} | options)
        client.put_integration(**place, type="AWS_PROXY", integrationHttpMethod="POST", uri=invoked)

    method("free")
    method("asked", authorizationType="CUSTOM", authorizerId=authorizer)
    method("signed", authorizationType="AWS_IAM")
    method("shaped", requestModels={"application/json": "M"}, requestValidatorId=validator)
    client.create_deployment(restApiId=api["id"], stageName="s")
    arn, text = settings(group, REST)
    change = [{"op": "replace", "path": f"/accessLogSettings/{name}", "value": value}
              for name, value in (("destinationArn", arn), ("format", text))]  # fmt: skip
    client.update_stage(restApiId=api["id"], stageName="s", patchOperations=change)
    calls = [("free", {}), ("asked", {"Auth": "me"}), ("asked", {"Auth": "nobody"}), ("signed", {}), ("shaped", {})]
    statuses = [ask(platform, api["id"], f"/s/{path}", **headers) for path, headers in calls]
    assert statuses == [201, 201, 401, 403, 400]
    free, asked, nobody, signed, shaped = told(platform, group, REST, 5)
    client.delete_rest_api(restApiId=api["id"])
    for each, (path, _) in zip((free, asked, nobody, signed, shaped), calls, strict=True):
        common = taken(
            each, "accountId", "apiId", "deploymentId", "domainName", "domainPrefix", "extendedRequestId", "httpMethod",
            "endpointType", "path", "protocol", "requestId", "requestTime", "resourceId", "resourcePath", "stage",
            "xrayTraceId", "identity.sourceIp", "identity.userAgent",
        )  # fmt: skip
        assert len(common) == 18
        assert (common["resourcePath"], common["path"], common["stage"]) == (f"/{path}", f"/s/{path}", "s")
    request = free.pop("integration.requestId")
    assert free == {
        "awsEndpointRequestId": request, "integration.integrationStatus": "200", "integration.status": "201",
        "integration.responseTransferMode": "BUFFERED", "integrationStatus": "200", "status": "201",
    }  # fmt: skip
    assert taken(asked, *AUTHORIZER, "authorize.status") == {
        "authorizer.integrationStatus": "200", "authorizer.requestId": asked["integration.requestId"],
        "authorizer.status": "200", "authorizer.principalId": "me", "authorizer.key": "value",
        "authorizer.number": "1", "authorize.status": "200",
    }  # fmt: skip
    assert nobody == {
        "authorizer.status": "401", "authorizer.error": "Unauthorized", "error.message": "Unauthorized",
        "error.messageString": '"Unauthorized"', "error.responseType": "UNAUTHORIZED", "status": "401",
    }  # fmt: skip
    missing = "Missing Authentication Token"
    assert signed == {
        "authenticate.status": "403", "authenticate.error": missing, "error.message": missing,
        "error.messageString": f'"{missing}"', "error.responseType": "MISSING_AUTHENTICATION_TOKEN", "status": "403",
    }  # fmt: skip
    assert shaped == {
        "error.message": "Invalid request body", "error.messageString": '"Invalid request body"',
        "error.responseType": "BAD_REQUEST_BODY", "status": "400",
        "error.validationErrorString": '[object has missing required properties (["a"])]',
    }  # fmt: skip


def test_the_variables_of_an_http_api(platform, deploy, group):
    client, function = platform.client("apigatewayv2"), deploy(ANSWERS)
    arn, invoked = uri(platform, function)
    api = client.create_api(Name="logged", ProtocolType="HTTP")["ApiId"]
    made = client.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
    )
    target = f"integrations/{made['IntegrationId']}"
    authorizer = client.create_authorizer(
        ApiId=api, Name="a", AuthorizerType="REQUEST", AuthorizerUri=invoked, AuthorizerPayloadFormatVersion="1.0",
        IdentitySource=["$request.header.Auth"],
    )["AuthorizerId"]  # fmt: skip
    client.create_route(ApiId=api, RouteKey="GET /free", Target=target)
    client.create_route(
        ApiId=api, RouteKey="GET /asked", Target=target, AuthorizationType="CUSTOM", AuthorizerId=authorizer
    )
    where, text = settings(group, HTTP)
    client.create_stage(
        ApiId=api, StageName="$default", AutoDeploy=True, AccessLogSettings={"DestinationArn": where, "Format": text}
    )
    calls = [("/free", {}), ("/asked", {"Auth": "me"}), ("/asked", {"Auth": "nobody"}), ("/nowhere", {})]
    statuses = [ask(platform, api, path, **headers) for path, headers in calls]
    assert statuses == [201, 201, 401, 404]
    free, asked, nobody, nowhere = told(platform, group, HTTP, 4)
    client.delete_api(ApiId=api)
    for each in (free, asked, nobody, nowhere):
        common = taken(
            each, "accountId", "apiId", "domainName", "domainPrefix", "extendedRequestId", "httpMethod", "path",
            "protocol", "requestId", "requestTime", "stage", "identity.sourceIp", "identity.userAgent",
        )  # fmt: skip
        assert len(common) == 13
    request = free.pop("integration.requestId")
    assert free == {
        "awsEndpointRequestId": request, "integration.integrationStatus": "200", "integration.status": "201",
        "integrationStatus": "200", "routeKey": "GET /free", "status": "201",
    }  # fmt: skip
    assert taken(asked, "authorizer.principalId", "authorizer.key", "authorizer.number") == {
        "authorizer.principalId": "me", "authorizer.key": "value", "authorizer.number": "1",
    }  # fmt: skip
    assert asked["integration.status"] == "201" and "error.message" not in asked
    assert nobody.pop("authorizer.error")
    assert nobody == {
        "error.message": "Unauthorized", "error.messageString": '"Unauthorized"', "error.responseType": "UNAUTHORIZED",
        "routeKey": "GET /asked", "status": "401",
    }  # fmt: skip
    assert nowhere == {
        "error.message": "Not Found", "error.messageString": '"Not Found"', "error.responseType": "RESOURCE_NOT_FOUND",
        "status": "404",
    }  # fmt: skip


def test_the_variables_of_a_websocket_api(platform, deploy, group):
    client, function = platform.client("apigatewayv2"), deploy(ANSWERS)
    _, invoked = uri(platform, function)
    kind = {"ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action"}
    api = client.create_api(Name="l", **kind)["ApiId"]
    made = client.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=invoked)
    target = f"integrations/{made['IntegrationId']}"
    asked = {"AuthorizerType": "REQUEST", "AuthorizerUri": invoked, "IdentitySource": ["route.request.header.Auth"]}
    authorizer = client.create_authorizer(ApiId=api, Name="a", **asked)["AuthorizerId"]
    client.create_route(
        ApiId=api, RouteKey="$connect", Target=target, AuthorizationType="CUSTOM", AuthorizerId=authorizer
    )
    client.create_route(ApiId=api, RouteKey="talk", Target=target)
    where, text = settings(group, SOCKET)
    client.create_stage(
        ApiId=api, StageName="s", AutoDeploy=True, AccessLogSettings={"DestinationArn": where, "Format": text}
    )
    address = f"ws://{platform.endpoint.removeprefix('http://')}/_aws/execute-api/{api}/s"
    with pytest.raises(InvalidStatus):
        connect(address)
    with connect(address, additional_headers={"Auth": "me"}) as socket:
        socket.send(json.dumps({"action": "talk"}))
        told(platform, group, SOCKET, 3)
        socket.send(json.dumps({"action": "sing"}))
        assert json.loads(socket.recv(60))["message"] == "Forbidden"
        nobody, connected, talked, sung = told(platform, group, SOCKET, 4)
    client.delete_api(ApiId=api)
    for each in (nobody, connected, talked, sung):
        common = taken(
            each, "apiId", "connectionId", "domainName", "extendedRequestId", "requestId", "requestTime", "stage",
            "identity.sourceIp", "identity.userAgent",
        )  # fmt: skip
        assert len(common) == 9
    assert nobody == {
        "authorizer.status": "401", "authorizer.error": "Unauthorized", "error.message": "Unauthorized",
        "error.messageString": '"Unauthorized"', "error.responseType": "UNAUTHORIZED", "eventType": "CONNECT",
        "routeKey": "$connect", "status": "401",
    }  # fmt: skip
    assert taken(connected, *AUTHORIZER, "authorize.status", "integration.requestId").keys() == {
        "authorizer.integrationStatus", "authorizer.requestId", "authorizer.status", "authorizer.principalId",
        "authorizer.key", "authorizer.number", "authorize.status", "integration.requestId",
    }  # fmt: skip
    assert connected == {
        "eventType": "CONNECT", "integration.integrationStatus": "200", "integration.status": "201",
        "routeKey": "$connect", "status": "201",
    }  # fmt: skip
    assert talked["integration.status"] == "201" and talked["messageId"] and talked["eventType"] == "MESSAGE"
    assert sung.pop("messageId")
    assert taken(sung, "authorizer.principalId", "authorizer.key", "authorizer.number")
    assert sung == {
        "error.message": "Forbidden", "error.messageString": '"Forbidden"', "error.responseType": "ACCESS_DENIED",
        "eventType": "MESSAGE", "status": "403",
    }  # fmt: skip
