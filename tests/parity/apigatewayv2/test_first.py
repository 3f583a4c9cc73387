"""From a web request through an HTTP API to a function and back (facts/apigateway.md §3, §9)."""


def test_a_request_reaches_the_function_of_its_route(api, echo):
    made = api()
    made.route("GET /pets/{id}", target=made.function(echo))
    event = made("GET", "/pets/6?kind=dog").value
    assert event["version"] == "2.0"
    assert event["routeKey"] == "GET /pets/{id}"
    assert event["rawPath"] == "/pets/6"
    assert event["pathParameters"] == {"id": "6"}
    assert event["queryStringParameters"] == {"kind": "dog"}
    assert event["requestContext"]["apiId"] == made.id
    assert event["requestContext"]["stage"] == "$default"


def test_an_unknown_path_is_not_found(api, echo):
    made = api()
    made.route("GET /pets", target=made.function(echo))
    assert made("GET", "/cats").refusal == (404, "Not Found")
    assert made("POST", "/pets").refusal == (404, "Not Found")


def test_an_api_is_found_by_path_by_clients_that_cannot_resolve_its_name(api, echo):
    made = api("dev")
    made.route("GET /pets", target=made.function(echo))
    event = made("GET", f"/_aws/execute-api/{made.id}/dev/pets", host="localhost").value
    assert event["rawPath"] == "/dev/pets"
    assert event["requestContext"]["domainName"] == made.host


def test_an_unknown_api_is_forbidden(api):
    assert api()(host="nosuchapi0.execute-api.us-east-1.localhost").refusal == (403, "Forbidden")
