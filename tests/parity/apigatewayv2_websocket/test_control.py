"""The parts that only WebSocket APIs have, and what they refuse (facts/apigateway.md §9, §10)."""

import pytest
from botocore.exceptions import ClientError


def refusal(call, **params):
    with pytest.raises(ClientError) as refused:
        call(**params)
    error = refused.value.response
    return error["Error"]["Code"], error["Error"]["Message"]


def stripped(answer):
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def test_an_api_shows_how_it_is_reached_and_how_it_selects(api, platform):
    made = api()
    shown = made.get_api()
    assert shown["ProtocolType"] == "WEBSOCKET"
    assert shown["RouteSelectionExpression"] == "$request.body.action"
    assert shown["ApiEndpoint"] == f"ws://{made.host}:{made.server.port}"


def test_a_websocket_api_needs_a_selection_expression(platform):
    client = platform.client("apigatewayv2")
    code, _ = refusal(client.create_api, Name="x", ProtocolType="WEBSOCKET")
    assert code == "BadRequestException"
    code, _ = refusal(
        client.create_api, Name="x", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.method"
    )
    assert code == "BadRequestException"


def test_route_responses_are_made_listed_changed_and_deleted(api):
    made = api()
    route = made.create_route(RouteKey="talk", RouteResponseSelectionExpression="$default")["RouteId"]
    response = stripped(made.create_route_response(RouteId=route, RouteResponseKey="$default"))
    assert response.keys() == {"RouteResponseId", "RouteResponseKey"}
    id = response["RouteResponseId"]
    assert stripped(made.get_route_response(RouteId=route, RouteResponseId=id)) == response
    assert made.get_route_responses(RouteId=route)["Items"] == [response]
    changed = made.update_route_response(RouteId=route, RouteResponseId=id, ResponseModels={"a": "B"})
    assert changed["ResponseModels"] == {"a": "B"}
    assert refusal(made.create_route_response, RouteId=route, RouteResponseKey="$default")[0] == "ConflictException"
    made.delete_route_response(RouteId=route, RouteResponseId=id)
    gone = refusal(made.get_route_response, RouteId=route, RouteResponseId=id)
    assert gone == ("NotFoundException", f"Invalid RouteResponse identifier specified {id}")


def test_a_route_takes_its_responses_with_it(api):
    made = api()
    route = made.create_route(RouteKey="talk")["RouteId"]
    made.create_route_response(RouteId=route, RouteResponseKey="$default")
    made.delete_route(RouteId=route)
    assert refusal(made.get_route_responses, RouteId=route)[0] == "NotFoundException"


def test_integration_responses_are_made_listed_changed_and_deleted(api):
    made = api()
    integration = made.integrate("MOCK").removeprefix("integrations/")
    given = {"IntegrationResponseKey": "/2.*/", "ResponseTemplates": {"$default": "x"}}
    response = stripped(made.create_integration_response(IntegrationId=integration, **given))
    assert response == given | {"IntegrationResponseId": response["IntegrationResponseId"]}
    named = {"IntegrationId": integration, "IntegrationResponseId": response["IntegrationResponseId"]}
    assert made.get_integration_responses(IntegrationId=integration)["Items"] == [response]
    assert made.update_integration_response(**named, IntegrationResponseKey="$default")["ResponseTemplates"]
    again = refusal(made.create_integration_response, IntegrationId=integration, IntegrationResponseKey="$default")
    assert again[0] == "ConflictException"
    bad = refusal(made.create_integration_response, IntegrationId=integration, IntegrationResponseKey="200")
    assert bad[0] == "BadRequestException"
    made.delete_integration_response(**named)
    assert refusal(made.get_integration_response, **named)[0] == "NotFoundException"


def test_models_are_made_listed_changed_and_deleted(api):
    made = api()
    schema = '{"type": "object"}'
    model = stripped(made.create_model(Name="Talk", ContentType="application/json", Schema=schema))
    assert model == {
        "ModelId": model["ModelId"], "Name": "Talk", "ContentType": "application/json", "Schema": schema
    }  # fmt: skip
    assert made.get_models()["Items"] == [model]
    template = made.get_model_template(ModelId=model["ModelId"])["Value"]
    assert template.startswith("#set($inputRoot = $input.path('$'))\n{")
    assert refusal(made.create_model, Name="Talk", Schema=schema)[0] == "ConflictException"
    assert refusal(made.create_model, Name="no good", Schema=schema)[0] == "BadRequestException"
    assert refusal(made.create_model, Name="Other", Schema="[")[0] == "BadRequestException"
    assert made.update_model(ModelId=model["ModelId"], Description="of talks")["Description"] == "of talks"
    made.create_route(RouteKey="talk", RequestModels={"$default": "Talk"})
    assert refusal(made.delete_model, ModelId=model["ModelId"])[0] == "ConflictException"


@pytest.mark.parametrize(
    "route, message",
    [
        (
            {"RouteKey": "talk", "AuthorizationType": "AWS_IAM"},
            "Currently, authorization is restricted to the $connect route only",
        ),
        (
            {"RouteKey": "$connect", "AuthorizationType": "JWT"},
            "Authorization type JWT is only supported for HTTP APIs",
        ),
        ({"RouteKey": "$nowhere"}, "Invalid route key specified: $nowhere"),
        (
            {"RouteKey": "talk", "RouteResponseSelectionExpression": "$request.body.x"},
            "RouteResponseSelectionExpression only supports $default",
        ),
    ],
)
def test_what_a_route_may_not_be(api, route, message):
    assert refusal(api().create_route, **route) == ("BadRequestException", message)


@pytest.mark.parametrize(
    "integration",
    [
        {"IntegrationType": "HTTP_PROXY", "IntegrationUri": "ftp://x", "IntegrationMethod": "GET"},
        {"IntegrationType": "HTTP", "IntegrationUri": "http://x"},
        {"IntegrationType": "AWS", "IntegrationUri": "x"},
        {"IntegrationType": "AWS", "IntegrationUri": "arn:aws:apigateway:us-east-1:sqs:nowhere"},
        {"IntegrationType": "MOCK", "TimeoutInMillis": 29_001},
    ],
)
def test_what_an_integration_may_not_be(api, integration):
    assert refusal(api().create_integration, **integration)[0] == "BadRequestException"


def test_an_http_api_has_none_of_these(platform):
    client = platform.client("apigatewayv2")
    id = client.create_api(Name="h", ProtocolType="HTTP")["ApiId"]
    route = client.create_route(ApiId=id, RouteKey="GET /")["RouteId"]
    for call, params in (
        (client.create_route_response, {"RouteId": route, "RouteResponseKey": "$default"}),
        (client.create_model, {"Name": "A", "Schema": "{}"}),
    ):
        assert refusal(call, ApiId=id, **params)[0] == "BadRequestException"
    client.delete_api(ApiId=id)
