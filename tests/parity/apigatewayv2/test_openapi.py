"""ImportApi, ReimportApi and ExportApi of HTTP APIs."""

import http.client
import json
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

URI = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"


def document(arn, **more):
    uri = URI.format(arn=arn)
    shared = {"$ref": "#/components/x-amazon-apigateway-integrations/echo"}
    return {
        "openapi": "3.0.1",
        "info": {"title": "pets", "version": "1.0"},
        "paths": {
            "/pets/{id}": {
                "get": {
                    "operationId": "getPet",
                    "security": [{"jwt": ["read"]}],
                    "x-amazon-apigateway-integration": shared,
                },
                "post": {"security": [{"guard": []}], "x-amazon-apigateway-integration": shared},
            },
            "/open": {"get": {"x-amazon-apigateway-integration": shared}},
            "/$default": {
                "x-amazon-apigateway-any-method": {
                    "isDefaultRoute": True,
                    "x-amazon-apigateway-integration": {
                        "type": "http_proxy",
                        "uri": "https://example.com",
                        "httpMethod": "ANY",
                        "payloadFormatVersion": 1.0,
                        "requestParameters": {"append:header.x-a": "$request.header.b"},
                        "responseParameters": {"404": {"overwrite:statuscode": "200"}},
                    },
                }
            },
        },
        "components": {
            "securitySchemes": {
                "jwt": {
                    "type": "oauth2",
                    "x-amazon-apigateway-authorizer": {
                        "type": "jwt",
                        "identitySource": "$request.header.Authorization",
                        "jwtConfiguration": {"issuer": "https://issuer.example", "audience": ["me"]},
                    },
                },
                "guard": {
                    "type": "apiKey",
                    "name": "Unused",
                    "in": "header",
                    "x-amazon-apigateway-authorizer": {
                        "type": "request",
                        "identitySource": "$request.header.a, $request.querystring.b",
                        "authorizerUri": uri,
                        "authorizerPayloadFormatVersion": "2.0",
                        "enableSimpleResponses": True,
                    },
                },
            },
            "x-amazon-apigateway-integrations": {
                "echo": {"type": "aws_proxy", "uri": uri, "httpMethod": "POST", "payloadFormatVersion": "2.0"}
            },
        },
        "x-amazon-apigateway-cors": {"allowOrigins": ["https://a.example"], "maxAge": 60},
        "tags": [{"name": "team", "x-amazon-apigateway-tag-value": "blue"}],
    } | more


@pytest.fixture
def arn(platform, deploy):
    function = deploy(
        """
        def handler(event, context):
            return {"route": event["routeKey"]}
        """
    )
    return platform.client("lambda").get_function_configuration(FunctionName=function.name)["FunctionArn"]


@pytest.fixture
def http_apis(platform):
    client = platform.client("apigatewayv2")
    yield client
    for api in client.get_apis()["Items"]:
        if api["Name"] in ("pets", "clinic"):
            client.delete_api(ApiId=api["ApiId"])


def keys(client, api):
    return {route["RouteKey"]: route for route in client.get_routes(ApiId=api)["Items"]}


def test_a_document_becomes_an_api_that_answers(platform, http_apis, arn):
    made = http_apis.import_api(Body=json.dumps(document(arn)))
    api = made["ApiId"]
    assert (made["Name"], made["Version"], made["ProtocolType"], made["Tags"]) == (
        "pets",
        "1.0",
        "HTTP",
        {"team": "blue"},
    )
    assert made["CorsConfiguration"] == {"AllowOrigins": ["https://a.example"], "MaxAge": 60}
    routes = keys(http_apis, api)
    assert set(routes) == {"GET /pets/{id}", "POST /pets/{id}", "GET /open", "$default"}
    assert routes["GET /pets/{id}"]["AuthorizationType"] == "JWT"
    assert routes["GET /pets/{id}"]["AuthorizationScopes"] == ["read"]
    assert routes["POST /pets/{id}"]["AuthorizationType"] == "CUSTOM"
    assert len({routes[key]["Target"] for key in set(routes) - {"$default"}}) == 1
    assert len(http_apis.get_integrations(ApiId=api)["Items"]) == 2
    authorizers = {each["Name"]: each for each in http_apis.get_authorizers(ApiId=api)["Items"]}
    assert authorizers["guard"]["IdentitySource"] == ["$request.header.a", "$request.querystring.b"]
    http_apis.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    platform.client("lambda").add_permission(
        FunctionName=arn, StatementId="gate", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )
    connection = http.client.HTTPConnection(urlsplit(platform.endpoint).netloc, timeout=60)
    connection.request("GET", "/open", headers={"Host": f"{api}.execute-api.us-east-1.localhost"})
    assert json.loads(connection.getresponse().read()) == {"route": "GET /open"}
    connection.close()


def test_importing_again_replaces_everything_and_stages_serve_it(http_apis, arn):
    api = http_apis.import_api(Body=json.dumps(document(arn)))["ApiId"]
    http_apis.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    before = http_apis.get_stage(ApiId=api, StageName="$default")["DeploymentId"]
    slim = document(arn, paths={"/new": {"get": {}}}, components={})
    slim["info"]["title"] = "clinic"
    del slim["x-amazon-apigateway-cors"]
    made = http_apis.reimport_api(ApiId=api, Body=json.dumps(slim), Basepath="ignore")
    assert (made["ApiId"], made["Name"]) == (api, "clinic") and "CorsConfiguration" not in made
    assert set(keys(http_apis, api)) == {"GET /new"}
    assert http_apis.get_integrations(ApiId=api)["Items"] == http_apis.get_authorizers(ApiId=api)["Items"] == []
    assert http_apis.get_stage(ApiId=api, StageName="$default")["DeploymentId"] != before


@pytest.mark.parametrize("kind", ["JSON", "YAML"])
def test_what_was_exported_can_be_imported_and_is_the_same(http_apis, arn, kind):
    api = http_apis.import_api(Body=json.dumps(document(arn)))["ApiId"]
    body = http_apis.export_api(ApiId=api, OutputType=kind, Specification="OAS30")["body"].read().decode()
    again = http_apis.import_api(Body=body)
    second = http_apis.export_api(ApiId=again["ApiId"], OutputType=kind, Specification="OAS30")["body"].read().decode()
    ids = {
        each["IntegrationId"]
        for one in (api, again["ApiId"])
        for each in http_apis.get_integrations(ApiId=one)["Items"]
    }
    for id in ids | {api, again["ApiId"]}:
        body, second = body.replace(id, "ID"), second.replace(id, "ID")
    assert body == second
    assert "x-amazon-apigateway-importexport-version" in body


def test_an_export_without_extensions_has_none_and_a_stage_shows_what_is_deployed(http_apis, arn):
    api = http_apis.import_api(Body=json.dumps(document(arn)))["ApiId"]
    http_apis.create_deployment(ApiId=api)
    deployment = http_apis.create_deployment(ApiId=api)["DeploymentId"]
    http_apis.create_stage(ApiId=api, StageName="dev", DeploymentId=deployment)
    http_apis.create_route(ApiId=api, RouteKey="GET /later")
    options = {"ApiId": api, "OutputType": "JSON", "Specification": "OAS30"}
    now = json.loads(http_apis.export_api(**options)["body"].read())
    assert "/later" in now["paths"]
    staged = json.loads(http_apis.export_api(**options, StageName="dev", IncludeExtensions=False)["body"].read())
    assert "/later" not in staged["paths"]
    assert "x-amazon-apigateway-integration" not in json.dumps(staged)
    assert staged["servers"][0]["variables"] == {"basePath": {"default": "dev"}}


def test_what_cannot_be_imported_leaves_nothing(http_apis, arn):
    broken = document(arn)
    broken["components"]["securitySchemes"]["jwt"]["x-amazon-apigateway-authorizer"]["jwtConfiguration"][
        "audience"
    ] = []
    broken["paths"]["/bad"] = {"get": {"x-amazon-apigateway-integration": {"type": "mock"}}}
    with pytest.raises(ClientError) as caught:
        http_apis.import_api(Body=json.dumps(broken))
    message = caught.value.response["Error"]["Message"]
    assert message.startswith("Errors found during import:\n\tUnable to create authorizer 'jwt': Audience is required")
    assert "Unable to create route 'GET /bad': Invalid integration type MOCK" in message
    for body in ("{", '{"swagger":"2.0","info":{},"paths":{}}', "x"):
        with pytest.raises(ClientError, match=r"Invalid OpenAPI input\."):
            http_apis.import_api(Body=body)
    assert not [api for api in http_apis.get_apis()["Items"] if api["Name"] == "pets"]
