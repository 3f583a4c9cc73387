"""Custom domains whose clients must show certificates (AWS's guides to mutual TLS for HTTP and REST APIs)."""

import http.client
import json
import ssl
import time
import urllib.request

import pytest
from botocore.exceptions import ClientError
from pki import Party

from samovar.core.clock import SystemClock
from samovar.gateway.certificates import Authority

ECHO = """
    import json

    def handler(event, context):
        if event.get("type") in ("REQUEST", "TOKEN"):
            return {"isAuthorized": True, "context": {"seen": json.dumps(event["requestContext"])}}
        return {"statusCode": 200, "body": json.dumps(event)}
"""
FORMAT = "$context.identity.clientCert.subjectDN|$context.identity.clientCert.validity.notAfter|$context.tlsVersion"
CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/c"
WHERE = {"EndpointType": "REGIONAL", "CertificateArn": CERTIFICATE}


class Server:
    """A platform with TLS, two authorities, a truststore of the first, and a function that tells what it is told."""

    def __init__(self, running, folder):
        self.running, self.folder = running, folder
        self.ca = str(folder / "tls" / "ca.pem")
        self.client = running.client
        self.root, self.other = Party("root"), Party("other")
        self.bob, self.eve = self.root.client("bob", serial=7), self.other.client("eve")
        self.port = int(running.endpoint.rpartition(":")[2])
        self.s3, self.v1, self.v2 = map(running.client, ("s3", "apigateway", "apigatewayv2"))
        self.s3.create_bucket(Bucket="trust")
        self.s3.put_bucket_versioning(Bucket="trust", VersioningConfiguration={"Status": "Enabled"})
        self.put(self.root)
        function = running.deploy(ECHO)
        self.group = running.client("logs").describe_log_groups()["logGroups"][0]["arn"]
        self.arn = running.client("lambda").get_function_configuration(FunctionName=function.name)["FunctionArn"]

    def put(self, *parties, key="store.pem"):
        """A truststore; its version."""
        return self.s3.put_object(Bucket="trust", Key=key, Body="".join(each.pem for each in parties))["VersionId"]

    def ask(self, name, party=None, *more, host="", path="/", verify=True):
        """(status, body as JSON) by https; the name is what the handshake names."""
        context = ssl.create_default_context(cafile=self.ca)
        if party is not None:
            context.load_cert_chain(party.save(self.folder, *more))
        plain = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        plain.connect()
        try:
            plain.sock = context.wrap_socket(plain.sock, server_hostname=name, do_handshake_on_connect=False)
            plain.sock.do_handshake()
            plain.request("GET", path, headers={"Host": host or f"{name}:{self.port}"})
            answer = plain.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            plain.close()

    def refuses(self, name, party=None):
        """Whether the handshake fails."""
        try:
            self.ask(name, party)
        except (ssl.SSLError, ConnectionError):
            return True
        return False

    def http_api(self, **integration):
        api = self.v2.create_api(Name="m", ProtocolType="HTTP")["ApiId"]
        wanted = {"IntegrationType": "AWS_PROXY", "IntegrationUri": self.arn, "PayloadFormatVersion": "2.0"}
        made = self.v2.create_integration(ApiId=api, **wanted | integration)
        target = f"integrations/{made['IntegrationId']}"
        self.v2.create_route(ApiId=api, RouteKey="$default", Target=target)
        self.v2.create_stage(
            ApiId=api,
            StageName="$default",
            AutoDeploy=True,
            AccessLogSettings={"DestinationArn": self.group, "Format": FORMAT},
        )
        return api, target

    def domain(self, name, api, stage="$default", **asked):
        asked = {"TruststoreUri": "s3://trust/store.pem"} | asked
        made = self.v2.create_domain_name(
            DomainName=name, DomainNameConfigurations=[WHERE], MutualTlsAuthentication=asked
        )
        self.v2.create_api_mapping(DomainName=name, ApiId=api, Stage=stage)
        return made


@pytest.fixture(scope="module")
def server(platforms, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mutual")
    running = platforms("--tls", "--data-dir", str(folder))
    running.client("logs").create_log_group(logGroupName="mutual")
    yield Server(running, folder)
    assert running.stop() == 0, running.said()


def is_bob(shown, server):
    assert list(shown) == ["clientCertPem", "subjectDN", "issuerDN", "serialNumber", "validity"]
    assert shown["clientCertPem"] == server.bob.pem
    names = shown["subjectDN"], shown["issuerDN"], shown["serialNumber"]
    assert names == ("O=Example,CN=bob", "O=Example,CN=root", "7")
    assert set(shown["validity"]) == {"notBefore", "notAfter"}
    return True


def test_an_http_api_gets_the_certificate_of_a_client_that_its_domain_trusts(server):
    api, target = server.http_api()
    made = server.domain("http.example.com", api)
    assert made["MutualTlsAuthentication"] == {"TruststoreUri": "s3://trust/store.pem"}
    status, event = server.ask("http.example.com", server.bob)
    assert status == 200 and is_bob(event["requestContext"]["authentication"]["clientCert"], server)
    server.v2.update_integration(
        ApiId=api, IntegrationId=target.partition("/")[2], PayloadFormatVersion="1.0", IntegrationType="AWS_PROXY"
    )
    status, event = server.ask("http.example.com", server.bob)
    assert status == 200 and is_bob(event["requestContext"]["identity"]["clientCert"], server)


def test_who_shows_no_certificate_or_one_of_another_authority_fails_in_the_handshake(server):
    server.domain("closed.example.com", server.http_api()[0])
    assert server.refuses("closed.example.com")
    assert server.refuses("closed.example.com", server.eve)
    assert not server.refuses("closed.example.com", server.bob)


def test_nobody_comes_in_by_another_name_or_by_plain_http(server):
    api, _ = server.http_api()
    server.domain("first.example.com", api)
    server.put(server.other, key="other.pem")
    server.domain("second.example.com", api, TruststoreUri="s3://trust/other.pem")
    closed = 403, {"message": "Forbidden"}
    assert server.ask("localhost", host="first.example.com") == closed
    assert server.ask("localhost", server.bob, host="first.example.com") == closed
    assert server.ask("second.example.com", server.eve, host="first.example.com") == closed
    assert server.ask("first.example.com", server.bob, host="FIRST.example.com")[0] == 200
    request = urllib.request.Request(server.running.endpoint, headers={"Host": "first.example.com"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    refused.value.close()
    assert refused.value.code == 403 and "certificate" in refused.value.headers["x-samovar-hint"]


def test_the_apis_own_name_asks_for_no_certificate_and_can_be_closed(server):
    api, _ = server.http_api()
    server.domain("only.example.com", api)
    own = f"{api}.execute-api.us-east-1.localhost"
    status, event = server.ask(own)
    assert status == 200 and "authentication" not in event["requestContext"]
    assert "clientCert" not in json.dumps(server.ask("only.example.com", server.bob, host=own)[1])
    server.v2.update_api(ApiId=api, DisableExecuteApiEndpoint=True)
    assert server.ask(own)[0] == 403
    assert server.ask("only.example.com", server.bob)[0] == 200


def test_authorizers_and_access_logs_know_the_certificate(server):
    api, target = server.http_api()
    server.domain("logged.example.com", api)
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{server.arn}/invocations"
    authorizer = server.v2.create_authorizer(
        ApiId=api,
        Name="a",
        AuthorizerType="REQUEST",
        AuthorizerUri=uri,
        AuthorizerPayloadFormatVersion="2.0",
        EnableSimpleResponses=True,
        IdentitySource=["$request.header.host"],
    )["AuthorizerId"]
    server.v2.create_route(
        ApiId=api, RouteKey="GET /asked", Target=target, AuthorizationType="CUSTOM", AuthorizerId=authorizer
    )
    status, event = server.ask("logged.example.com", server.bob, path="/asked")
    assert status == 200
    seen = json.loads(event["requestContext"]["authorizer"]["lambda"]["seen"])
    assert is_bob(seen["authentication"]["clientCert"], server)
    until = event["requestContext"]["authentication"]["clientCert"]["validity"]["notAfter"]
    logs, deadline = server.client("logs"), time.monotonic() + 60
    while True:
        lines = [each["message"] for each in logs.filter_log_events(logGroupName="mutual")["events"]]
        if f"O=Example,CN=bob|{until}|TLSv1.3" in lines:
            break
        assert time.monotonic() < deadline, lines
        time.sleep(0.1)


def rest_api(server, name, **asked):
    """A REST API with a proxy and a template that prints the certificate, and a domain that leads to it."""
    v1 = server.v1
    api = v1.create_rest_api(name="m", endpointConfiguration={"types": ["REGIONAL"]})
    place = {"restApiId": api["id"], "resourceId": api["rootResourceId"]}
    v1.put_method(**place, httpMethod="GET", authorizationType="NONE")
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{server.arn}/invocations"
    v1.put_integration(**place, httpMethod="GET", type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    said = v1.create_resource(restApiId=api["id"], parentId=api["rootResourceId"], pathPart="said")["id"]
    place["resourceId"] = said
    v1.put_method(**place, httpMethod="GET", authorizationType="NONE")
    template = {"application/json": '{"statusCode": 200}'}
    v1.put_integration(**place, httpMethod="GET", type="MOCK", requestTemplates=template)
    v1.put_method_response(**place, httpMethod="GET", statusCode="200")
    printed = '{"who": "$context.identity.clientCert.subjectDN"}'
    v1.put_integration_response(
        **place, httpMethod="GET", statusCode="200", responseTemplates={"application/json": printed}
    )
    v1.create_deployment(restApiId=api["id"], stageName="s")
    made = v1.create_domain_name(
        domainName=name,
        regionalCertificateArn=CERTIFICATE,
        endpointConfiguration={"types": ["REGIONAL"]},
        securityPolicy="TLS_1_2",
        mutualTlsAuthentication={"truststoreUri": "s3://trust/store.pem"} | asked,
    )
    v1.create_base_path_mapping(domainName=name, restApiId=api["id"], stage="s")
    return made


def test_a_rest_api_gets_it_in_events_and_in_templates(server):
    made = rest_api(server, "rest.example.com")
    assert made["mutualTlsAuthentication"] == {"truststoreUri": "s3://trust/store.pem"}
    status, event = server.ask("rest.example.com", server.bob)
    assert status == 200 and is_bob(event["requestContext"]["identity"]["clientCert"], server)
    assert server.ask("rest.example.com", server.bob, path="/said") == (200, {"who": "O=Example,CN=bob"})
    assert server.refuses("rest.example.com", server.eve)
    assert server.ask("localhost", host="rest.example.com") == (403, {"message": "Forbidden"})


def test_a_new_truststore_counts_when_the_domain_is_updated_and_not_before(server):
    first = server.put(server.root, key="changing.pem")
    rest_api(server, "changing.example.com", truststoreUri="s3://trust/changing.pem", truststoreVersion=first)
    second = server.put(server.other, key="changing.pem")
    assert not server.refuses("changing.example.com", server.bob)

    def patch(path, value):
        operation = {"op": "replace", "path": f"/mutualTlsAuthentication/{path}", "value": value}
        return server.v1.update_domain_name(domainName="changing.example.com", patchOperations=[operation])

    shown = patch("truststoreVersion", second)["mutualTlsAuthentication"]
    assert shown == {"truststoreUri": "s3://trust/changing.pem", "truststoreVersion": second}
    assert server.refuses("changing.example.com", server.bob)
    assert not server.refuses("changing.example.com", server.eve)
    assert "mutualTlsAuthentication" not in patch("truststoreUri", "")
    assert server.ask("changing.example.com")[0] == 200


def test_a_kept_connection_is_judged_by_the_truststore_of_now(server):
    server.put(server.root, key="kept.pem")
    api, _ = server.http_api()
    server.domain("kept.example.com", api, TruststoreUri="s3://trust/kept.pem")
    context = ssl.create_default_context(cafile=server.ca)
    context.load_cert_chain(server.bob.save(server.folder))
    kept = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    kept.connect()
    kept.sock = context.wrap_socket(kept.sock, server_hostname="kept.example.com")

    def status():
        kept.request("GET", "/", headers={"Host": "kept.example.com"})
        answer = kept.getresponse()
        answer.read()
        return answer.status

    assert status() == 200
    server.put(server.other, key="kept.pem")
    asked = {"TruststoreUri": "s3://trust/kept.pem"}
    server.v2.update_domain_name(
        DomainName="kept.example.com", DomainNameConfigurations=[WHERE], MutualTlsAuthentication=asked
    )
    assert status() == 403
    kept.close()


def test_a_chain_with_more_than_four_authorities_is_answered_403(server):
    chain = [server.root]
    for level in range(4):
        chain.append(Party(f"level {level}", chain[-1]))
    server.put(*chain, key="long.pem")
    made = server.domain("long.example.com", server.http_api()[0], TruststoreUri="s3://trust/long.pem")
    assert made["MutualTlsAuthentication"]["TruststoreWarnings"] == [
        "Certificate chain is longer than four: O=Example,CN=level 3"
    ]
    assert server.ask("long.example.com", chain[3].client("c"))[0] == 200
    assert server.ask("long.example.com", chain[4].client("c")) == (403, {"message": "Forbidden"})
    stray = Party("stray", chain[1])  # what a client sends along doesn't complete a chain
    assert server.ask("long.example.com", stray.client("c"), stray) == (403, {"message": "Forbidden"})


def test_a_truststore_that_cannot_be_read_is_refused(server):
    server.s3.put_object(Bucket="trust", Key="empty.pem", Body=b"nothing")
    server.s3.put_object(Bucket="trust", Key="large.pem", Body=server.root.pem.encode() + b" " * 1024 * 1024)

    def refusal(uri, **more):
        with pytest.raises(ClientError) as refused:
            server.v2.create_domain_name(
                DomainName="no.example.com",
                DomainNameConfigurations=[WHERE | more],
                MutualTlsAuthentication={"TruststoreUri": uri},
            )
        assert refused.value.response["Error"]["Code"] == "BadRequestException"
        return refused.value.response["Error"]["Message"]

    assert "The specified key does not exist" in refusal("s3://trust/missing.pem")
    assert "The specified bucket does not exist" in refusal("s3://no-such-bucket/k.pem")
    assert "has no certificate" in refusal("s3://trust/empty.pem")
    assert "larger than 1048576 bytes" in refusal("s3://trust/large.pem")
    assert "Invalid S3 URI" in refusal("https://trust/store.pem")
    assert "TLS_1_2" in refusal("s3://trust/store.pem", SecurityPolicy="TLS_1_0")
    with pytest.raises(ClientError, match="REGIONAL"):
        server.v1.create_domain_name(
            domainName="edge.example.com",
            certificateArn=CERTIFICATE,
            mutualTlsAuthentication={"truststoreUri": "s3://trust/store.pem"},
        )


def test_a_domain_that_asks_stays_one_that_can(server):
    rest_api(server, "stays.example.com")
    for path, value in (("securityPolicy", "TLS_1_0"), ("endpointConfiguration/types/REGIONAL", "EDGE")):
        change = [{"op": "replace", "path": f"/{path}", "value": value}]
        if value == "EDGE":
            change.append({"op": "replace", "path": "/certificateArn", "value": CERTIFICATE})
        with pytest.raises(ClientError, match="Mutual TLS authentication"):
            server.v1.update_domain_name(domainName="stays.example.com", patchOperations=change)
    assert server.refuses("stays.example.com")


def test_a_server_with_a_certificate_of_the_users_asks_as_well(platforms, tmp_path):
    clock = SystemClock()
    names = ["localhost", "mine.example.com"]
    (tmp_path / "cert.pem").write_bytes(Authority.open(tmp_path / "tls" / "ca.pem", clock).issue(names))
    given = str(tmp_path / "cert.pem")
    running = platforms("--ephemeral", "--tls-cert", given, "--tls-key", given)
    try:
        running.client("logs").create_log_group(logGroupName="mutual")
        server = Server(running, tmp_path)
        server.domain("mine.example.com", server.http_api()[0])
        assert server.refuses("mine.example.com")
        assert server.refuses("mine.example.com", server.eve)
        assert server.ask("mine.example.com", server.bob)[0] == 200
        assert server.ask("localhost", host="mine.example.com")[0] == 403
    finally:
        assert running.stop() == 0, running.said()


def test_a_restarted_server_asks_as_before(platforms, tmp_path):
    running = platforms("--tls", "--data-dir", str(tmp_path))
    running.client("logs").create_log_group(logGroupName="mutual")
    server = Server(running, tmp_path)
    server.domain("again.example.com", server.http_api()[0])
    running.kill()
    running = server.running = platforms("--tls", "--data-dir", str(tmp_path))
    try:
        server.port = int(running.endpoint.rpartition(":")[2])
        assert server.refuses("again.example.com")
        assert server.ask("again.example.com", server.bob)[0] == 200
    finally:
        assert running.stop() == 0, running.said()
