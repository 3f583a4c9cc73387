"""Functions call APIs and function URLs by the names that these have on AWS, with clients that know nothing of us."""

import json
import shutil
import textwrap

import pytest
from websockets.sync.client import connect

ACCOUNT = "123456789012"
POSTS = """
    import boto3, json

    def handler(event, context):
        about = event["requestContext"]
        client = boto3.client(
            "apigatewaymanagementapi", endpoint_url=f"https://{about['domainName']}/{about['stage']}"
        )
        client.post_to_connection(ConnectionId=about["connectionId"], Data=json.dumps(about["domainName"]).encode())
        return {"statusCode": 200}
"""
NODE_POSTS = """
    const https = require("https");
    const SIGNATURE = "AWS4-HMAC-SHA256 Credential=123456789012/20261128/us-east-1/execute-api/aws4_request, " +
        "SignedHeaders=host, Signature=0";

    exports.handler = (event) => new Promise((done, fail) => {
        const { domainName, stage, connectionId } = event.requestContext;
        const request = https.request(
            `https://${domainName}/${stage}/@connections/${encodeURIComponent(connectionId)}`,
            { method: "POST", headers: { Authorization: SIGNATURE } },
            (answer) => { answer.resume(); done({ statusCode: answer.statusCode }); },
        );
        request.on("error", fail);
        request.end(JSON.stringify(domainName));
    });
"""
PROBE = """
    import builtins, json, os, socket, ssl, subprocess, urllib.request

    def get(url):
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return answer.read().decode()
        except OSError as error:
            return repr(error)

    def curl(url):
        return subprocess.run(["curl", "-sS", url], capture_output=True, text=True).stdout

    def resolve(name):
        try:
            return sorted({found[4][0] for found in socket.getaddrinfo(name, 443)})
        except OSError as error:
            return type(error).__name__

    def handler(event, context):
        scope = dict(globals())
        exec(event["code"], scope)
        return scope["result"]
"""
HELLO = "def handler(event, context): return {'statusCode': 200, 'body': 'hello'}"


class Chat:
    """A WebSocket API whose routes lead to one function."""

    def __init__(self, server, function):
        self.server, self.api = server, server.client("apigatewayv2")
        expression = "$request.body.action"
        made = self.api.create_api(Name="c", ProtocolType="WEBSOCKET", RouteSelectionExpression=expression)
        self.id = made["ApiId"]
        uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn(function)}/invocations"
        target = self.api.create_integration(ApiId=self.id, IntegrationType="AWS_PROXY", IntegrationUri=uri)
        target = f"integrations/{target['IntegrationId']}"
        self.api.create_route(ApiId=self.id, RouteKey="$default", Target=target)
        deployment = self.api.create_deployment(ApiId=self.id)["DeploymentId"]
        self.api.create_stage(ApiId=self.id, StageName="prod", DeploymentId=deployment)

    def name(self, suffix="amazonaws.com"):
        return f"{self.id}.execute-api.us-east-1.{suffix}"

    def ask(self, host, path="/prod"):
        """What a client hears that has connected under a host name."""
        port = self.server.endpoint.rpartition(":")[2]
        with connect(f"ws://{host}:{port}{path}", address=("127.0.0.1", int(port)), proxy=None) as client:
            client.send("hello")
            return json.loads(client.recv(60))


def arn(function):
    return f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{function.name}"


@pytest.fixture(scope="module", params=["isolated", "auto"])
def server(request, platforms):
    running = platforms("--ephemeral", "--function-network", request.param)
    yield running
    assert running.stop() == 0, running.said()


@pytest.fixture
def started(platforms):
    """Starts servers of a test's own, which are gone after it, however it ends."""
    made = []

    def start(*flags):
        made.append(platforms(*flags))
        return made[-1]

    yield start
    for each in made:
        each.forget()


@pytest.fixture(scope="module")
def probe(server):
    """Runs code in a function."""
    function = server.deploy(PROBE, Timeout=60, MemorySize=1769)
    return lambda code: function({"code": code}).result


@pytest.fixture(scope="module")
def api(server):
    """The name of an HTTP API that says hello."""
    made = server.client("apigatewayv2").create_api(Name="h", ProtocolType="HTTP", Target=arn(server.deploy(HELLO)))
    return f"{made['ApiId']}.execute-api.us-east-1.amazonaws.com"


@pytest.mark.parametrize("suffix", ["amazonaws.com", "localhost", "localhost.localstack.cloud"])
def test_a_function_posts_to_the_connection_that_its_event_names(server, suffix):
    chat = Chat(server, server.deploy(POSTS))
    assert chat.ask(chat.name(suffix)) == chat.name(suffix)


def test_the_name_may_be_a_custom_domains(server):
    chat, name = Chat(server, server.deploy(POSTS)), "chat.shop.example"
    certificate = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/c"
    chat.api.create_domain_name(DomainName=name, DomainNameConfigurations=[{"CertificateArn": certificate}])
    chat.api.create_api_mapping(DomainName=name, ApiId=chat.id, Stage="prod")
    assert chat.ask(name, "/") == name


def test_a_function_with_snapstart_does_as_well(server, usable_pythons):
    late = [name for name in usable_pythons if int(name.rpartition(".")[2]) >= 12]
    if not late:
        pytest.skip("SnapStart needs Python 3.12 or later, as on AWS")
    function = server.deploy(POSTS, Runtime=late[0], SnapStart={"ApplyOn": "PublishedVersions"})
    version = server.client("lambda").publish_version(FunctionName=function.name)["Version"]
    function = server.function(f"{function.name}:{version}")
    function.settle()
    chat = Chat(server, function)
    assert chat.ask(chat.name()) == chat.name()


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js")
@pytest.mark.parametrize("environment", [{}, {"NODE_NO_WARNINGS": "1"}], ids=["prepared", "program"])
def test_node_posts_to_it_as_well(server, environment):
    function = server.deploy(
        {"h.js": NODE_POSTS}, Runtime="nodejs20.x", Environment={"Variables": environment}, Timeout=20
    )
    chat = Chat(server, function)
    assert chat.ask(chat.name()) == chat.name()


def test_a_rest_api_is_called_by_its_name(server, probe):
    rest = server.client("apigateway")
    id = rest.create_rest_api(name="r")["id"]
    root = rest.get_resources(restApiId=id)["items"][0]["id"]
    asked = {"restApiId": id, "resourceId": root, "httpMethod": "GET"}
    rest.put_method(**asked, authorizationType="NONE")
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn(server.deploy(HELLO))}/invocations"
    rest.put_integration(**asked, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    rest.create_deployment(restApiId=id, stageName="prod")
    assert probe(f"result = get('https://{id}.execute-api.us-east-1.amazonaws.com/prod')") == "hello"


@pytest.mark.parametrize("client", ["get", "curl"])
def test_an_http_api_is_called_by_its_name(probe, api, client):
    assert probe(f"result = {client}('https://{api}/')") == "hello"


def test_a_function_url_is_called_by_its_name(server, probe):
    lambda_, called = server.client("lambda"), server.deploy(HELLO)
    url = lambda_.create_function_url_config(FunctionName=called.name, AuthType="NONE")["FunctionUrl"]
    lambda_.add_permission(
        FunctionName=called.name,
        StatementId="all",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    id = url.partition("//")[2].partition(".")[0]
    assert probe(f"result = get('https://{id}.lambda-url.us-east-1.on.aws/')") == "hello"


def test_a_custom_domain_is_called_by_its_name(server, probe, api):
    v2 = server.client("apigatewayv2")
    certificate = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/c"
    v2.create_domain_name(DomainName="api.shop.example", DomainNameConfigurations=[{"CertificateArn": certificate}])
    v2.create_api_mapping(DomainName="api.shop.example", ApiId=api.partition(".")[0], Stage="$default")
    assert probe("result = get('https://api.shop.example/')") == "hello"


def test_only_names_that_are_there_lead_to_the_platform(server, probe, api):
    assert probe(f"result = resolve({api!r})") == ["127.0.0.1"]
    assert probe("result = resolve('anything.localhost')") == ["127.0.0.1"]
    for other in (
        "nobody0000.execute-api.us-east-1.amazonaws.com",
        api.replace("us-east-1", "eu-west-1"),
        api.replace("amazonaws.com", "example.com"),
        "sqs.us-east-1.amazonaws.com",
    ):
        assert probe(f"result = resolve({other!r})") == "gaierror", other


def test_what_is_shown_for_another_name_is_not_taken(probe, api):
    connecting = """
        try:
            with socket.create_connection(("127.0.0.1", 443), 20) as plain:
                with ssl.create_default_context().wrap_socket(plain, server_hostname=NAME) as secured:
                    result = "verified"
        except ssl.SSLCertVerificationError as error:
            result = error.verify_message
    """
    code = textwrap.dedent(connecting)
    assert probe(code.replace("NAME", repr(api))) == "verified"
    assert "Hostname mismatch" in probe(code.replace("NAME", "'sqs.us-east-1.amazonaws.com'"))


def test_a_function_is_told_of_certificates_and_of_no_key(probe):
    found = probe("""
folder = "/var/runtime/ca-certs/"
result = [sorted(os.listdir(folder)), "PRIVATE" in "".join(open(folder + name).read() for name in os.listdir(folder))]
""")
    assert found == [["bundle.pem", "platform.pem"], False]


def test_what_a_function_sets_itself_counts(server, api):
    own = {"SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt", "AWS_CA_BUNDLE": "/var/task/own.pem"}
    function = server.deploy(PROBE, Environment={"Variables": own}, Timeout=60)
    said = function({"code": f"result = [os.environ['AWS_CA_BUNDLE'], get('https://{api}/')]"}).result
    assert said[0] == "/var/task/own.pem"
    assert "CERTIFICATE_VERIFY_FAILED" in said[1]


def test_a_flood_of_questions_and_of_half_open_connections_is_its_own_environments_trouble(server, probe, api):
    flooding = """
import random
builtins.held = held = []
asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for size in range(20000):
    asking.sendto(random.randbytes(size % 600), ("127.0.0.1", 53))
try:
    while len(held) < 900:
        held.append(socket.create_connection(("127.0.0.1", 443), 1))
        held[-1].sendall(bytes((22, 3, 1, 63, 255, 1, 0, 63, 240, 3, 3)) + random.randbytes(9000))
except TimeoutError:
    pass
result = len(held)
"""
    held = server.deploy(PROBE, Timeout=60, MemorySize=1769)({"code": flooding}).result
    assert held < 900  # the platform takes so many, the kernel lets a few more wait
    assert probe(f"result = get('https://{api}/')") == "hello"


def test_a_function_that_runs_already_learns_of_the_first_api(started):
    running = started("--ephemeral")
    function = running.deploy(PROBE, Timeout=60)
    context = "import __main__\ncontext = __main__.__dict__.setdefault('kept', ssl.create_default_context())\n"
    function({"code": f"{context}result = 0"})
    made = running.client("apigatewayv2").create_api(
        Name="h", ProtocolType="HTTP", Target=arn(running.deploy(HELLO))
    )
    url = f"https://{made['ApiId']}.execute-api.us-east-1.amazonaws.com/"
    asked = f"{context}result = urllib.request.urlopen({url!r}, context=context).read().decode()"
    assert function({"code": asked}).result == "hello"
    assert running.stop() == 0, running.said()


def test_functions_find_and_trust_the_platform_after_its_restart(started, tmp_path):
    running = started("--data-dir", str(tmp_path))
    function = running.deploy(PROBE, Timeout=60)
    made = running.client("apigatewayv2").create_api(
        Name="h", ProtocolType="HTTP", Target=arn(running.deploy(HELLO))
    )
    asked = f"result = get('https://{made['ApiId']}.execute-api.us-east-1.amazonaws.com/')"
    assert function({"code": asked}).result == "hello"
    running.kill()
    running = started("--data-dir", str(tmp_path))
    assert running.function(function.name)({"code": asked}).result == "hello"
    assert running.stop() == 0, running.said()
