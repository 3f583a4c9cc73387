"""API destinations: events that go over HTTP, with the authorization of a connection (facts/eventbridge.md §E)."""

import base64
import http.server
import json
import threading
import time
import urllib.parse

import pytest

DEADLINE_S = 60


class Site:
    """A web server that remembers what it was asked, and answers what a test wants."""

    def __init__(self):
        self.asked = []
        self.statuses = []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                url = urllib.parse.urlsplit(self.path)
                query = dict(urllib.parse.parse_qsl(url.query))
                site.asked.append((self.command, url.path, query, dict(self.headers), body))
                status = 200 if url.path == "/token" else site.statuses.pop(0) if site.statuses else 200
                number = len([each for each in site.asked if each[1] == "/token"])
                said = json.dumps({"access_token": f"t{number}", "expires_in": 3600}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(said)

            do_GET = do_HEAD = do_POST = do_PUT = answer

            def log_message(self, *args):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def called(self, count=1):
        """What was asked of it but for tokens."""
        deadline = time.monotonic() + DEADLINE_S
        while len(found := [each for each in self.asked if each[1] != "/token"]) < count:
            assert time.monotonic() < deadline, self.asked
            time.sleep(0.02)
        return found


@pytest.fixture
def site():
    made = Site()
    yield made
    made.close()


BASIC = {"BasicAuthParameters": {"Username": "ada", "Password": "secret"}}


@pytest.fixture
def wire(bridge, site):
    """A rule that sends to an API destination with such a connection."""

    def wire(kind="BASIC", auth=BASIC, path="/in", method="POST", target=None, **options):
        events = bridge.events
        connection = events.create_connection(Name="c", AuthorizationType=kind, AuthParameters=auth)
        destination = events.create_api_destination(
            Name="d", ConnectionArn=connection["ConnectionArn"], HttpMethod=method, InvocationEndpoint=site.url + path,
            **options,
        )  # fmt: skip
        events.put_rule(Name="r", EventPattern='{"source": ["s"]}')
        sent = {"Id": "1", "Arn": destination["ApiDestinationArn"], "RoleArn": f"arn:aws:iam::{bridge.account}:role/r"}
        failed = events.put_targets(Rule="r", Targets=[sent | (target or {})])
        assert failed["FailedEntryCount"] == 0

    return wire


def put(bridge, detail="{}"):
    bridge.events.put_events(Entries=[{"Source": "s", "DetailType": "t", "Detail": detail}])


def test_an_event_is_posted_with_basic_authorization(bridge, site, wire):
    wire()
    put(bridge, '{"n": 1}')
    [(method, path, query, headers, body)] = site.called()
    assert (method, path, query) == ("POST", "/in", {})
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"ada:secret").decode()
    assert headers["User-Agent"] == "Amazon/EventBridge/ApiDestinations"
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert json.loads(body)["detail"] == {"n": 1}


def test_a_target_fills_path_query_and_headers_and_the_connection_wins(bridge, site, wire):
    more = {
        "HeaderParameters": [{"Key": "X-Both", "Value": "connection", "IsValueSecret": False}],
        "QueryStringParameters": [{"Key": "q", "Value": "1", "IsValueSecret": True}],
        "BodyParameters": [{"Key": "added", "Value": "b", "IsValueSecret": False}],
    }
    auth = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "k"}, "InvocationHttpParameters": more}
    http_parameters = {
        "PathParameterValues": ["a b", "$.detail.id"],
        "HeaderParameters": {"X-Both": "target", "X-Own": "$.source"},
        "QueryStringParameters": {"t": "$.detail-type"},
    }
    wire("API_KEY", auth, "/in/*/x/*", target={"HttpParameters": http_parameters, "InputPath": "$.detail"})
    put(bridge, '{"id": "7"}')
    [(_, path, query, headers, body)] = site.called()
    assert (path, query) == ("/in/a%20b/x/7", {"t": "t", "q": "1"})
    assert (headers["X-Key"], headers["X-Both"], headers["X-Own"]) == ("k", "connection", "s")
    assert json.loads(body) == {"id": "7", "added": "b"}


def test_oauth_asks_for_a_token_keeps_it_and_gets_a_new_one_when_it_is_refused(bridge, site, wire):
    client = {"ClientID": "id", "ClientSecret": "secret"}
    auth = {"ClientParameters": client, "AuthorizationEndpoint": site.url + "/token", "HttpMethod": "POST"}
    wire("OAUTH_CLIENT_CREDENTIALS", {"OAuthParameters": auth})
    assert bridge.events.describe_connection(Name="c")["ConnectionState"] == "AUTHORIZED"
    put(bridge)
    assert site.called()[0][3]["Authorization"] == "Bearer t1"
    site.statuses = [401]
    put(bridge)
    site.called(2)
    bridge.platform.advance(2)
    assert [each[3]["Authorization"] for each in site.called(3)] == ["Bearer t1", "Bearer t1", "Bearer t2"]
    asked = dict(urllib.parse.parse_qsl(site.asked[0][4]))
    assert asked == {"grant_type": "client_credentials", "client_id": "id", "client_secret": "secret"}


def test_what_fails_for_now_is_tried_again_and_what_is_refused_is_not(bridge, site, wire):
    wire(method="PUT")
    site.statuses = [500, 429, 200]
    put(bridge)
    for count in (1, 2, 3):
        site.called(count)
        bridge.platform.advance(5)
    site.statuses = [400]
    put(bridge)
    site.called(4)
    [refused] = bridge.until(lambda: bridge.journal(source="events", outcome="failed"))
    assert "the endpoint answered 400" in refused["reason"]


def test_an_event_cant_add_lines_or_framing_to_the_request(bridge, site, wire):
    headers = {"X-From": "$.detail.text", "Content-Length": "0", "Host": "elsewhere"}
    wire(target={"HttpParameters": {"HeaderParameters": headers}})
    put(bridge, json.dumps({"text": "a\r\nX-Evil: 1"}))
    [refused] = bridge.until(lambda: bridge.journal(source="events", outcome="failed"))
    assert "line break" in refused["reason"]
    put(bridge, json.dumps({"text": "fine"}))
    [(_, _, _, got, body)] = site.called()
    assert (got["X-From"], got["Host"]) == ("fine", site.url.removeprefix("http://"))
    assert json.loads(body)["detail"] == {"text": "fine"}


def test_connections_show_no_secrets_and_are_changed_and_deleted(bridge, site, wire):
    wire(Description="where")
    events = bridge.events
    described = events.describe_connection(Name="c")
    assert described["AuthParameters"] == {"BasicAuthParameters": {"Username": "ada"}}
    assert described["AuthorizationType"] == "BASIC"
    events.update_connection(Name="c", AuthParameters={"BasicAuthParameters": {"Password": "new"}})
    put(bridge)
    sent = base64.b64encode(b"ada:new").decode()
    assert site.called()[0][3]["Authorization"] == f"Basic {sent}"
    [listed] = events.list_api_destinations()["ApiDestinations"]
    shown = ("Name", "ApiDestinationState", "InvocationRateLimitPerSecond")
    assert [listed[name] for name in shown] == ["d", "ACTIVE", 300]
    events.deauthorize_connection(Name="c")
    assert events.describe_api_destination(Name="d")["ApiDestinationState"] == "INACTIVE"
    assert [each["ConnectionState"] for each in events.list_connections()["Connections"]] == ["DEAUTHORIZED"]
    events.delete_api_destination(Name="d")
    events.delete_connection(Name="c")
    missing = events.exceptions.ResourceNotFoundException
    with pytest.raises(missing, match=r"Failed to describe the connection\(s\). Connection 'c' does not exist."):
        events.describe_connection(Name="c")
    text = r"Failed to describe the api-destination\(s\). An api-destination 'd' does not exist."
    with pytest.raises(missing, match=text):
        events.describe_api_destination(Name="d")


def test_endpoints_are_https_or_of_this_machine(bridge, site, wire):
    wire()
    arn = bridge.events.describe_connection(Name="c")["ConnectionArn"]
    for url in ("http://example.com/", "ftp://127.0.0.1/", "https:///x"):
        with pytest.raises(bridge.events.exceptions.ClientError, match="InvocationEndpoint"):
            bridge.events.create_api_destination(Name="x", ConnectionArn=arn, HttpMethod="POST", InvocationEndpoint=url)
