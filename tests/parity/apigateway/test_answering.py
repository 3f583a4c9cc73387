"""What an API makes of a function's answer, of bodies, limits and caches (facts/apigateway.md §4, §5, §7)."""

import base64
import gzip
import http.server
import json
import threading

import pytest

PICTURE = b"\x89PNG\r\n\x1a\n\xff"
FAILED = b'{"message": "Internal server error"}'


@pytest.fixture
def says(rest, deploy):
    """An API whose function returns what it is sent as `$.answer`; binary for image/png."""
    function = deploy("""
        import json, time

        def handler(event, context):
            body = json.loads(event["body"])
            if body.get("raise"):
                raise Exception(body["raise"])
            time.sleep(body.get("sleep", 0))
            return body["answer"]
    """)
    api = rest(binaryMediaTypes=["image/png"])
    api.method("/a", "POST", api.proxy(function))
    api.deploy()

    def ask(answer=None, headers=(), **more):
        return api("POST", "/a", json.dumps({"answer": answer, **more}).encode(), headers)

    ask.api = api
    return ask


def test_headers_of_an_answer_come_through_each_with_its_values(says):
    page = says({"statusCode": 201, "headers": {"A": "1"}, "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}})
    assert page.status == 201
    assert (page.headers["A"], page.headers.get_all("Set-Cookie")) == ("1", ["a=1", "b=2"])
    assert page.headers["Content-Type"] == "application/json"


def test_headers_that_frame_an_answer_are_remapped(says):
    given = {"Connection": "x", "Content-Length": "7", "Date": "d", "Server": "s", "Host": "h", "WWW-Authenticate": "w"}
    page = says({"headers": {**given, "Transfer-Encoding": "chunked"}, "body": "four"})
    assert page.body == b"four"
    for name, value in given.items():
        assert page.headers[f"x-amzn-Remapped-{name}"] == value
    assert page.headers["x-amzn-Remapped-Transfer-Encoding"] is None


@pytest.mark.parametrize(
    "answer", [{}, [], "x", None, {"statusCode": 200, "x": 1}, {"statusCode": "abc"}, {"body": {}}]
)
def test_a_malformed_answer_is_a_502(says, answer):
    assert says(answer).refusal == (502, "InternalServerErrorException", FAILED)


def test_a_failing_function_is_a_502_and_one_that_isnt_there_a_500(says):
    assert says(**{"raise": "boom"}).refusal == (502, "InternalServerErrorException", FAILED)
    api = says.api
    api.method("/gone", "GET", api.proxy("arn:aws:lambda:us-east-1:123456789012:function:gone"))
    get = api.proxy("arn:aws:lambda:us-east-1:123456789012:function:gone") | {"integrationHttpMethod": "GET"}
    api.method("/get", "GET", get)
    api.deploy()
    assert api("GET", "/gone").refusal == (500, "InternalServerErrorException", FAILED)
    assert api("GET", "/get").refusal == (500, "InternalServerErrorException", FAILED)


def test_a_function_that_takes_longer_than_the_timeout_is_a_504(says):
    place = {"resourceId": says.api.resource("/a"), "httpMethod": "POST"}
    change = [{"op": "replace", "path": "/timeoutInMillis", "value": "50"}]
    says.api.update_integration(**place, patchOperations=change)
    says.api.deploy()
    refused = (504, "InternalServerErrorException", b'{"message": "Endpoint request timed out"}')
    assert says({"body": "x"}, sleep=1.5).refusal == refused


def test_base64_is_decoded_for_who_accepts_a_binary_type_first(says):
    answer = {
        "body": base64.b64encode(PICTURE).decode(),
        "isBase64Encoded": True,
        "headers": {"Content-Type": "image/png"},
    }
    assert says(answer, {"Accept": "image/png"}).body == PICTURE
    assert says(answer, {"Accept": "text/html, image/png"}).body == base64.b64encode(PICTURE)
    wrong = {"body": "%", "isBase64Encoded": True}
    assert says(wrong, {"Accept": "image/png"}).refusal == (500, "InternalServerErrorException", FAILED)


def test_a_binary_request_body_arrives_as_base64_and_text_as_text(rest, echo):
    api = rest(binaryMediaTypes=["image/*"])
    api.method("/a", "POST", api.proxy(echo))
    api.deploy()
    event = api("POST", "/a", PICTURE, {"Content-Type": "image/png"}).value
    assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (PICTURE, True)
    event = api("POST", "/a", "hé".encode() + b"\xff", {"Content-Type": "text/plain"}).value
    assert (event["body"], event["isBase64Encoded"]) == ("hé�", False)


def test_a_body_of_ten_megabytes_passes_and_a_larger_one_is_refused(rest, http_server):
    api = rest(binaryMediaTypes=["*/*"])
    proxy = {"type": "HTTP_PROXY", "integrationHttpMethod": "POST", "uri": http_server}
    api.method("/a", "POST", proxy)
    api.deploy()
    assert api("POST", "/a", bytes(10_485_760)).value["size"] == 10_485_760
    page = api("POST", "/a", bytes(10_485_761))
    assert (page.status, page.body) == (413, b'{"message":"HTTP content length exceeded 10485760 bytes."}')


def test_a_function_takes_an_event_of_six_megabytes_and_no_larger_one(rest, deploy):
    length = deploy("""
        def handler(event, context):
            return {"statusCode": 200, "body": str(len(event["body"]))}
    """)
    api = rest()
    api.method("/a", "POST", api.proxy(length))
    api.method("/mapped", "POST", api.proxy(length) | {"type": "AWS"})
    api.deploy()
    text = {"Content-Type": "text/plain"}
    assert api("POST", "/a", b"x" * 6_000_000, text).body == b"6000000"
    for path in ("/a", "/mapped"):
        page = api("POST", path, b"x" * 6_291_457, text)
        assert (page.status, page.headers["x-amzn-ErrorType"]) == (413, "RequestTooLargeException")


def test_answers_are_compressed_and_requests_opened_from_the_smallest_size_on(rest, echo):
    api = rest(minimumCompressionSize=100)
    api.method("/a", "POST", api.proxy(echo))
    api.deploy()
    page = api("POST", "/a", gzip.compress(b"hello"), {"Content-Encoding": "gzip", "Accept-Encoding": "gzip"})
    assert page.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(page.body))["body"] == "hello"
    assert api("POST", "/a", b"x").headers["Content-Encoding"] is None


# --- validation


def test_required_parameters_are_named_then_the_body_is_checked_against_its_model(rest):
    api = rest()
    pet = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    api.create_model(name="Pet", contentType="application/json", schema=json.dumps(pet))
    both = api.create_request_validator(name="v", validateRequestBody=True, validateRequestParameters=True)["id"]
    wanted = {f"method.request.{each}": True for each in ("querystring.b", "querystring.a", "header.X-H")}
    api.mock("/a", "POST", requestParameters=wanted, requestModels={"application/json": "Pet"}, requestValidatorId=both)
    template = {"application/json": '{"why": "$context.error.validationErrorString"}'}
    api.put_gateway_response(responseType="BAD_REQUEST_BODY", responseTemplates=template)
    api.deploy()
    message = b'{"message": "Missing required request parameters: [X-H, a, b]"}'
    assert api("POST", "/a", b"{}").refusal == (400, "BadRequestException", message)
    headers = {"X-H": "", "Content-Type": "application/json"}
    page = api("POST", "/a?a&b=1", b"{}", headers)
    assert page.status == 400 and b"object has missing required properties" in page.body
    assert api("POST", "/a?a&b=1", b"", headers).status == 400
    assert api("POST", "/a?a&b=1", b'{"name": "Rex"}', headers).status == 200


def test_a_body_that_is_invalid_says_no_more_than_that(rest):
    api = rest()
    validator = api.create_request_validator(name="v", validateRequestBody=True)["id"]
    api.mock("/a", "POST", requestValidatorId=validator)
    api.deploy()
    refused = (400, "BadRequestException", b'{"message": "Invalid request body"}')
    assert api("POST", "/a", b"[]").refusal == refused
    assert api("POST", "/a", b"{}").status == 200


# --- caching


def test_a_stage_with_a_cache_answers_get_from_it_by_the_keys_of_the_method(rest):
    api = rest()
    place = api.mock("/a", template='"$context.requestId"', requestParameters={"method.request.querystring.q": False})
    change = [{"op": "add", "path": "/cacheKeyParameters/method.request.querystring.q", "value": ""}]
    api.update_integration(**place, patchOperations=change)
    api.mock("/a", "POST", template='"$context.requestId"')
    api.deploy(cacheClusterEnabled=True, cacheClusterSize="0.5")
    first = api("GET", "/a?q=1").value
    assert api("GET", "/a?q=1&x=2").value == first
    assert api("GET", "/a?q=2").value != first
    assert api("POST", "/a").value != api("POST", "/a").value
    ignored = api("GET", "/a?q=1", headers={"Cache-Control": "max-age=0"})
    assert ignored.value == first and ignored.headers["Warning"].startswith("199")
    path = "/*/*/caching/requireAuthorizationForCacheControl"
    api.update_stage(stageName="dev", patchOperations=[{"op": "replace", "path": path, "value": "false"}])
    renewed = api("GET", "/a?q=1", headers={"Cache-Control": "max-age=0"}).value
    assert renewed != first
    assert api("GET", "/a?q=1").value == renewed
    api.client.flush_stage_cache(restApiId=api.id, stageName="dev")
    assert api("GET", "/a?q=1").value != renewed


# --- HTTP


class Seen(http.server.BaseHTTPRequestHandler):
    """Answers with what it was sent."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        head = {"method": self.command, "path": self.path, "headers": self.headers.items(), "size": len(body)}
        sent = json.dumps({**head, "body": body[:100].decode(errors="replace")}).encode()
        self.send_response(404 if "missing" in self.path else 200)
        for name, value in (("X-Own", "1"), ("X-Own", "2"), ("WWW-Authenticate", "w"), ("Content-Type", "text/x-seen")):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def http_server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Seen)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_http_proxy_passes_requests_and_answers_on(rest, http_server):
    api = rest()
    mapped = {
        "integration.request.path.proxy": "method.request.path.proxy",
        "integration.request.querystring.stage": "context.stage",
        "integration.request.header.X-Mapped": "'m'",
    }
    proxy = {"type": "HTTP_PROXY", "integrationHttpMethod": "ANY", "requestParameters": mapped}
    uri = "http://${stageVariables.host}/base/{proxy}?own=1"
    api.method("/{proxy+}", "ANY", proxy | {"uri": uri}, requestParameters={"method.request.path.proxy": True})
    api.deploy(variables={"host": http_server.removeprefix("http://")})
    page = api("PUT", "/a/b%20c?q=1&q=2", b"body", [("X-Twice", "1"), ("X-Twice", "2"), ("Max-Forwards", "3")])
    seen = page.value
    assert (seen["method"], seen["body"]) == ("PUT", "body")
    assert seen["path"] == "/base/a/b%20c?own=1&q=1&q=2&stage=dev"
    headers = [tuple(each) for each in seen["headers"]]
    assert ("X-Twice", "1") in headers and ("X-Twice", "2") in headers and ("X-Mapped", "m") in headers
    assert dict(headers)["X-Forwarded-For"] == "127.0.0.1"
    assert "Max-Forwards" not in dict(headers)
    assert page.headers.get_all("X-Own") == ["1", "2"]
    assert page.headers["x-amzn-Remapped-WWW-Authenticate"] == "w"
    assert page.headers["Content-Type"] == "text/x-seen"
    assert api("GET", "/missing").status == 404


def test_http_sends_and_returns_only_what_is_mapped(rest, http_server):
    api = rest()
    place = api.method("/a", "POST", requestParameters={"method.request.header.X-In": False})
    mapped = {"integration.request.header.X-Out": "method.request.header.X-In"}
    uri = f"{http_server}/missing"
    api.put_integration(**place, type="HTTP", integrationHttpMethod="POST", uri=uri, requestParameters=mapped)
    for status, pattern in (("200", ""), ("410", "4\\d\\d")):
        api.put_method_response(**place, statusCode=status, responseParameters={"method.response.header.X-Back": True})
        back = {"method.response.header.X-Back": "integration.response.multivalueheader.X-Own"}
        selection = {"selectionPattern": pattern} if pattern else {}
        api.put_integration_response(**place, statusCode=status, responseParameters=back, **selection)
    api.deploy()
    page = api("POST", "/a", b"{}", {"X-In": "in", "X-Other": "other"})
    headers = {name.lower(): value for name, value in page.value["headers"]}
    assert headers["x-out"] == "in" and "x-other" not in headers
    assert headers["user-agent"] == f"AmazonAPIGateway_{api.id}"
    assert (page.status, page.headers["X-Back"]) == (410, "1,2")
    assert page.headers["Content-Type"] == "application/json"


def test_a_server_that_isnt_there_is_a_network_error(rest):
    api = rest()
    api.method("/a", "GET", {"type": "HTTP_PROXY", "integrationHttpMethod": "GET", "uri": "http://127.0.0.1:1/"})
    api.deploy()
    message = b'{"message": "Network error communicating with endpoint"}'
    assert api("GET", "/a").refusal == (504, "InternalServerErrorException", message)
