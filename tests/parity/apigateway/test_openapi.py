"""ImportRestApi and PutRestApi: an API out of a document with AWS's extensions."""

import http.client
import json
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

MOCK = {
    "type": "mock",
    "requestTemplates": {"application/json": '{"statusCode": 200}'},
    "responses": {
        "default": {"statusCode": "200", "responseTemplates": {"application/json": '{"id":"$input.params(\'id\')"}'}}
    },
}


def swagger(**more):
    return {
        "swagger": "2.0",
        "info": {"title": "pets", "version": "1.0", "description": "About pets"},
        "basePath": "/v1/shop",
        "paths": {
            "/pets/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": True, "type": "string"}],
                "get": {
                    "operationId": "getPet",
                    "produces": ["application/json"],
                    "parameters": [{"name": "q", "in": "query", "required": True, "type": "string"}],
                    "responses": {"200": {"description": "ok", "schema": {"$ref": "#/definitions/Pet"}}},
                    "security": [{"api_key": []}],
                    "x-amazon-apigateway-integration": MOCK,
                },
                "post": {
                    "consumes": ["application/json"],
                    "parameters": [{"name": "body", "in": "body", "schema": {"$ref": "#/definitions/Pet"}}],
                    "responses": {"200": {"description": "ok"}},
                    "security": [{"guard": []}],
                    "x-amazon-apigateway-request-validator": "body only",
                    "x-amazon-apigateway-integration": MOCK,
                },
            },
            "/{proxy+}": {
                "x-amazon-apigateway-any-method": {"x-amazon-apigateway-integration": MOCK, "responses": {"200": {}}}
            },
        },
        "securityDefinitions": {
            "api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"},
            "guard": {
                "type": "apiKey",
                "name": "Authorization",
                "in": "header",
                "x-amazon-apigateway-authtype": "custom",
                "x-amazon-apigateway-authorizer": {
                    "type": "token",
                    "authorizerUri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
                    "arn:aws:lambda:us-east-1:000000000000:function:guard/invocations",
                    "authorizerResultTtlInSeconds": 60,
                },
            },
        },
        "definitions": {"Pet": {"type": "object", "properties": {"friend": {"$ref": "#/definitions/Pet"}}}},
        "x-amazon-apigateway-request-validators": {
            "body only": {"validateRequestBody": True, "validateRequestParameters": False}
        },
        "x-amazon-apigateway-gateway-responses": {
            "DEFAULT_4XX": {"statusCode": 444, "responseParameters": {"gatewayresponse.header.x-a": "'b'"}}
        },
        "x-amazon-apigateway-binary-media-types": ["image/png"],
        "x-amazon-apigateway-documentation": {
            "documentationParts": [{"location": {"type": "API"}, "properties": {"description": "d"}}]
        },
    } | more


@pytest.fixture
def gateway(platform):
    client = platform.client("apigateway")
    yield client
    for api in client.get_rest_apis(limit=500)["items"]:
        if api["name"] in ("pets", "clinic"):
            client.delete_rest_api(restApiId=api["id"])


def load(gateway, document, **options):
    return gateway.import_rest_api(body=json.dumps(document).encode(), **options)


def method(gateway, api, path, verb):
    resources = {each["path"]: each["id"] for each in gateway.get_resources(restApiId=api, limit=500)["items"]}
    return gateway.get_method(restApiId=api, resourceId=resources[path], httpMethod=verb)


def test_a_document_becomes_an_api_with_all_its_parts(gateway):
    made = load(gateway, swagger())
    assert (made["name"], made["version"], made["description"]) == ("pets", "1.0", "About pets")
    assert made["binaryMediaTypes"] == ["image/png"] and "warnings" not in made
    api = made["id"]
    get = method(gateway, api, "/pets/{id}", "GET")
    assert (get["apiKeyRequired"], get["authorizationType"], get["operationName"]) == (True, "NONE", "getPet")
    assert get["requestParameters"] == {"method.request.path.id": True, "method.request.querystring.q": True}
    assert get["methodResponses"]["200"]["responseModels"] == {"application/json": "Pet"}
    integration = get["methodIntegration"]
    assert (integration["type"], integration["passthroughBehavior"]) == ("MOCK", "WHEN_NO_MATCH")
    assert integration["integrationResponses"]["200"]["responseTemplates"] == {
        "application/json": '{"id":"$input.params(\'id\')"}'
    }
    post = method(gateway, api, "/pets/{id}", "POST")
    [authorizer] = gateway.get_authorizers(restApiId=api)["items"]
    assert post["authorizationType"] == "CUSTOM" and post["authorizerId"] == authorizer["id"]
    assert authorizer["identitySource"] == "method.request.header.Authorization"
    assert (authorizer["type"], authorizer["authorizerResultTtlInSeconds"]) == ("TOKEN", 60)
    [validator] = gateway.get_request_validators(restApiId=api)["items"]
    assert post["requestValidatorId"] == validator["id"] and validator["validateRequestBody"] is True
    assert post["requestModels"] == {"application/json": "Pet"}
    assert method(gateway, api, "/{proxy+}", "ANY")["methodIntegration"]["type"] == "MOCK"
    schema = json.loads(gateway.get_model(restApiId=api, modelName="Pet")["schema"])
    reference = f"https://apigateway.amazonaws.com/restapis/{api}/models/Pet"
    assert schema["properties"]["friend"] == {"$ref": reference}
    response = gateway.get_gateway_response(restApiId=api, responseType="DEFAULT_4XX")
    assert response["statusCode"] == "444"
    assert len(gateway.get_documentation_parts(restApiId=api)["items"]) == 1


@pytest.mark.parametrize(
    ("basepath", "paths"),
    [
        ("ignore", {"/", "/pets", "/pets/{id}", "/{proxy+}"}),
        ("prepend", {"/", "/v1", "/v1/shop", "/v1/shop/pets", "/v1/shop/pets/{id}", "/v1/shop/{proxy+}"}),
        ("split", {"/", "/shop", "/shop/pets", "/shop/pets/{id}", "/shop/{proxy+}"}),
    ],
)
def test_the_base_path_is_left_out_or_put_before(gateway, basepath, paths):
    made = load(gateway, swagger(), parameters={"basepath": basepath, "endpointConfigurationTypes": "REGIONAL"})
    assert made["endpointConfiguration"]["types"] == ["REGIONAL"]
    found = {each["path"] for each in gateway.get_resources(restApiId=made["id"], limit=500)["items"]}
    assert found == paths


YAML = """
openapi: 3.0.1
info: {title: clinic, version: 2026-11-28}
servers:
  - url: https://x.example/{basePath}
    variables: {basePath: {default: /prod}}
  - url: https://y.example
paths:
  /beds:
    get:
      responses:
        200:
          description: ok
          headers: {X-Total: {schema: {type: integer}}}
          content:
            application/json:
              schema: {type: array, items: {$ref: '#/components/schemas/Bed'}}
      x-amazon-apigateway-integration: &mock
        type: mock
        requestTemplates: {application/json: '{"statusCode": 200}'}
        responses:
          default:
            statusCode: 200
            responseParameters: {method.response.header.X-Total: "'7'"}
            responseTemplates: {application/json: '["bed"]'}
    put:
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Missing'}}}}
      responses: {200: {description: ok, headers: {X-Total: {}}}}
      x-amazon-apigateway-integration: *mock
components:
  schemas:
    Bed: {type: object, properties: {no: {type: integer}}}
x-amazon-apigateway-policy:
  Version: 2012-10-17
  Statement: [{Effect: Allow, Principal: "*", Action: "execute-api:Invoke", Resource: "execute-api:/*"}]
"""


def test_yaml_and_version_3_with_warnings_and_the_api_answers(platform, gateway):
    made = gateway.import_rest_api(body=YAML.encode())
    api = made["id"]
    assert made["version"] == "2026-11-28" and f"{api}/*" in made["policy"]
    assert made["warnings"] == [
        "More than one server provided. Ignoring all but the first for defining endpoint configuration",
        "Parse issue: attribute paths.'/beds'(put).requestBody.content.schema.#/components/schemas/Missing is missing",
    ]
    get = method(gateway, api, "/beds", "GET")
    assert get["methodResponses"]["200"]["responseModels"] == {"application/json": "ArrayOfBed"}
    gateway.create_deployment(restApiId=api, stageName="dev")
    connection = http.client.HTTPConnection(urlsplit(platform.endpoint).netloc, timeout=60)
    connection.request("GET", "/dev/beds", headers={"Host": f"{api}.execute-api.us-east-1.localhost"})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["X-Total"], answer.read()) == (200, "7", b'["bed"]')
    connection.close()


def test_models_may_name_each_other_in_any_order(gateway):
    def reference(name):
        return {"$ref": f"#/definitions/{name}"}

    pet = {"type": "object", "properties": {"owner": reference("Owner"), "tag": reference("Tag")}}
    owner = {"type": "object", "properties": {"pets": {"type": "array", "items": reference("Pet")}}}
    definitions = {"Pet": pet, "Owner": owner, "Tag": {"type": "string"}}
    api = load(gateway, swagger(definitions=definitions))["id"]
    names = {each["name"] for each in gateway.get_models(restApiId=api)["items"]}
    assert names >= definitions.keys()
    document = json.dumps(swagger(definitions=definitions)).encode()
    assert gateway.put_rest_api(restApiId=api, mode="merge", body=document)["id"] == api
    lost = swagger(definitions={**definitions, "Tag": reference("Nobody")})
    assert "Unable to create model 'Tag'" in refused(lambda: load(gateway, lost))[1]
    gateway.delete_rest_api(restApiId=api)


def refused(call):
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_what_cannot_be_imported_is_told_at_once_and_leaves_nothing(gateway):
    before = len(gateway.get_rest_apis(limit=500)["items"])
    broken = swagger()
    broken["paths"]["/pets/{id}"]["get"]["x-amazon-apigateway-integration"] = {
        "type": "http",
        "uri": "ftp://x",
        "httpMethod": "GET",
    }
    broken["paths"]["/pets/{other}"] = {"get": {"responses": {}}}
    code, message = refused(lambda: load(gateway, broken))
    assert code == "BadRequestException"
    assert message.split("\n\t") == [
        "Errors found during import:",
        "Unable to create resource at path '/pets/{other}': A sibling ({id}) of this resource already has a variable "
        "path part -- only one is allowed",
        "Unable to put integration on 'GET' for resource at path '/pets/{id}': Invalid HTTP endpoint specified for URI",
    ]
    message = refused(lambda: gateway.import_rest_api(body=YAML.encode(), failOnWarnings=True))[1]
    assert message.startswith("Warnings found during import:\n\tMore than one server provided.")
    for body in (b"{", b"a: b: c", b"[]", b'{"swagger":"1.2"}', b"!!python/object:os.system x", b"a: &a [*a]"):
        answer = refused(lambda body=body: gateway.import_rest_api(body=body))
        assert answer == ("BadRequestException", "Invalid OpenAPI input.")
    assert len(gateway.get_rest_apis(limit=500)["items"]) == before


def test_putting_merges_or_overwrites(gateway):
    api = load(gateway, swagger())["id"]
    more = swagger(
        paths={"/new": {"get": {"responses": {}, "x-amazon-apigateway-integration": MOCK | {"responses": {}}}}}
    )
    more["info"]["title"] = "clinic"
    put = gateway.put_rest_api(restApiId=api, mode="merge", body=json.dumps(more).encode())
    assert (put["id"], put["name"]) == (api, "clinic")
    assert {each["path"] for each in gateway.get_resources(restApiId=api)["items"]} >= {"/new", "/pets/{id}"}
    assert len(gateway.get_authorizers(restApiId=api)["items"]) == 1
    root = put["rootResourceId"]
    put = gateway.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(more).encode())
    assert put["rootResourceId"] == root
    assert {each["path"] for each in gateway.get_resources(restApiId=api)["items"]} == {"/", "/new"}
    models = {each["name"] for each in gateway.get_models(restApiId=api)["items"]}
    assert models == {"Empty", "Error", "Pet"}


def test_a_document_of_more_than_an_api_can_have_is_refused(gateway):
    paths = {f"/p{n}": {"get": {}} for n in range(301)}
    assert refused(lambda: load(gateway, swagger(paths=paths)))[0] == "LimitExceededException"
    paths = {"/p": {"get": {"responses": {f"{n}": {} for n in range(100, 20_000)}}}}
    assert refused(lambda: load(gateway, swagger(paths=paths)))[0] == "LimitExceededException"


def export(gateway, api, kind, **options):
    given = gateway.get_export(restApiId=api, stageName="dev", exportType=kind, **options)
    return given, given["body"].read()


@pytest.mark.parametrize("kind", ["swagger", "oas30"])
@pytest.mark.parametrize("accepts", ["application/json", "application/yaml"])
def test_what_was_exported_can_be_imported_and_is_the_same(gateway, kind, accepts):
    bodies = []
    body = json.dumps(swagger()).encode()
    for _ in range(2):
        api = gateway.import_rest_api(body=body)["id"]
        gateway.create_deployment(restApiId=api, stageName="dev")
        given, body = export(gateway, api, kind, accepts=accepts, parameters={"extensions": "apigateway"})
        assert given["contentDisposition"] == f'attachment; filename="{kind}_1.0.{accepts.rpartition("/")[2]}"'
        bodies.append(body.decode().replace(api, "API"))
    assert bodies[0] == bodies[1]
    for part in ("guard", "x-api-key", "body only", "getPet", "image/png", "444", "documentationParts", "/{proxy+}"):
        assert part in bodies[0]


def test_an_export_tells_what_was_asked_for_and_what_is_deployed(gateway):
    api = load(gateway, swagger())["id"]
    gateway.create_deployment(restApiId=api, stageName="dev")
    gateway.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(swagger(paths={"/later": {}})).encode())
    plain = json.loads(export(gateway, api, "oas30")[1])
    assert set(plain["paths"]) == {"/pets/{id}", "/{proxy+}"} and "x-amazon-apigateway-integration" not in json.dumps(
        plain
    )
    get = plain["paths"]["/pets/{id}"]["get"]
    assert get["security"] == [{"api_key": []}]
    assert get["responses"]["200"]["content"] == {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}
    assert plain["servers"][0]["variables"] == {"basePath": {"default": "dev"}}
    some = json.loads(export(gateway, api, "swagger", parameters={"extensions": "integrations"})[1])
    assert some["basePath"] == "/dev"
    assert some["paths"]["/pets/{id}"]["get"]["x-amazon-apigateway-integration"]["type"] == "mock"
    assert "x-amazon-apigateway-authorizer" not in json.dumps(some)
    assert refused(lambda: export(gateway, api, "raml"))[0] == "BadRequestException"
    assert "postman" in refused(lambda: export(gateway, api, "swagger", parameters={"extensions": "postman"}))[1]
