"""Web frameworks as their registries have them, each deployed once, and behind each front that the platform has.

A front is how a request reaches a function: a function URL, an HTTP API with either payload format, ... `open` gives a
function one. `site(framework, front)` is both, ready to be asked.
"""

import http.client
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fetched
import pytest
from pages import Page

APPS = Path(__file__).with_name("apps")
SETTINGS = {"MemorySize": 1024, "Timeout": 120}
LAYER = "powertools"
EXPRESS = ("express@5.3.0", "@codegenie/serverless-express@4.17.1", "serverless-http@4.0.0", "multer@2.5.0")


class Site:
    """Where a function is open to the web. `prefix` comes before its paths."""

    def __init__(self, server: str, host: str, prefix: str = "") -> None:
        self.host = host
        self._server = server
        self._prefix = prefix

    def __call__(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}) -> Page:
        connection = http.client.HTTPConnection(self._server, timeout=120)
        try:
            connection.request(method, self._prefix + path, body, {"Host": self.host} | dict(headers))
            answer = connection.getresponse()
            return Page(answer.status, answer.headers, answer.read())
        finally:
            connection.close()


@pytest.fixture(scope="session")
def opened(platform: Any) -> Iterator[Callable[[str, str], Site]]:
    """Gives a function (by name) a front (by name)."""
    server = urlsplit(platform.endpoint).netloc
    made: list[Callable[[], object]] = []
    fronts = {"url": _url, "stream": _url, "http-2.0": _http, "http-1.0": _http, "rest": _rest, "alb": _alb}

    def opened(function: str, front: str) -> Site:
        return fronts[front](platform, server, function, front, made)

    yield opened
    for undo in reversed(made):
        undo()


def _url(platform: Any, server: str, function: str, front: str, made: list[Callable[[], object]]) -> Site:
    lambda_ = platform.client("lambda")
    mode = "RESPONSE_STREAM" if front == "stream" else "BUFFERED"
    url = lambda_.create_function_url_config(FunctionName=function, AuthType="NONE", InvokeMode=mode)["FunctionUrl"]
    lambda_.add_permission(
        FunctionName=function,
        StatementId="everybody",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    return Site(server, urlsplit(url).netloc)


def _http(platform: Any, server: str, function: str, front: str, made: list[Callable[[], object]]) -> Site:
    v2 = platform.client("apigatewayv2")
    arn = _arn(platform, function)
    api = v2.create_api(Name=f"{function}-{front}", ProtocolType="HTTP")
    id = api["ApiId"]
    made.append(lambda: v2.delete_api(ApiId=id))
    integration = v2.create_integration(
        ApiId=id, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion=front.rpartition("-")[2]
    )
    v2.create_route(ApiId=id, RouteKey="$default", Target=f"integrations/{integration['IntegrationId']}")
    v2.create_stage(ApiId=id, StageName="$default", AutoDeploy=True)
    _permit(platform, function, f"api-{id}", "apigateway.amazonaws.com")
    return Site(server, urlsplit(api["ApiEndpoint"]).netloc)


def _rest(platform: Any, server: str, function: str, front: str, made: list[Callable[[], object]]) -> Site:
    """Every path and method of a REST API, as SAM and CDK make them; the stage stands before the paths."""
    v1 = platform.client("apigateway")
    id = v1.create_rest_api(name=function, binaryMediaTypes=["*/*"])["id"]
    made.append(lambda: v1.delete_rest_api(restApiId=id))
    [root] = v1.get_resources(restApiId=id)["items"]
    proxy = v1.create_resource(restApiId=id, parentId=root["id"], pathPart="{proxy+}")
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{_arn(platform, function)}/invocations"
    for resource in (root, proxy):
        on = {"restApiId": id, "resourceId": resource["id"], "httpMethod": "ANY"}
        v1.put_method(**on, authorizationType="NONE")
        v1.put_integration(**on, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri)
    v1.create_deployment(restApiId=id, stageName="prod")
    _permit(platform, function, f"api-{id}", "apigateway.amazonaws.com")
    return Site(server, f"{id}.execute-api.us-east-1.localhost:{server.rpartition(':')[2]}", "/prod")


def _alb(platform: Any, server: str, function: str, front: str, made: list[Callable[[], object]]) -> Site:
    """A load balancer whose target is the function, with multi-value headers: else one answer can't set two cookies."""
    elb, lambda_ = platform.client("elbv2"), platform.client("lambda")
    group = elb.create_target_group(Name=function, TargetType="lambda")["TargetGroups"][0]["TargetGroupArn"]
    multi = [{"Key": "lambda.multi_value_headers.enabled", "Value": "true"}]
    elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=multi)
    lambda_.add_permission(
        FunctionName=function,
        StatementId=f"alb-{function}",
        Action="lambda:InvokeFunction",
        Principal="elasticloadbalancing.amazonaws.com",
        SourceArn=group,
    )
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": _arn(platform, function)}])
    balancer = elb.create_load_balancer(Name=function, Subnets=["subnet-1", "subnet-2"])["LoadBalancers"][0]
    arn = balancer["LoadBalancerArn"]
    action = {"Type": "forward", "TargetGroupArn": group}
    elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=[action])
    made.append(lambda: elb.delete_target_group(TargetGroupArn=group))
    made.append(lambda: elb.delete_load_balancer(LoadBalancerArn=arn))
    return Site(server, balancer["DNSName"])


def _arn(platform: Any, function: str) -> str:
    return str(platform.client("lambda").get_function_configuration(FunctionName=function)["FunctionArn"])


def _permit(platform: Any, function: str, statement: str, service: str) -> None:
    platform.client("lambda").add_permission(
        FunctionName=function, StatementId=statement, Action="lambda:InvokeFunction", Principal=service
    )


@pytest.fixture(scope="session")
def frameworks(platform: Any) -> Iterator[Callable[[str], str]]:
    """Deploys a framework's app, once: its function's name."""
    functions: dict[str, Any] = {}
    makers = {"fastapi": _fastapi, "flask": _flask, "express": _express, "serverless-http": _express, "hono": _hono}

    def deployed(framework: str) -> str:
        if framework not in functions:
            make = makers.get(framework, _powertools)
            functions[framework] = make(platform, framework)
        return str(functions[framework].name)

    yield deployed
    for function in functions.values():
        function.delete()
    lambda_ = platform.client("lambda")
    for each in lambda_.list_layer_versions(LayerName=LAYER)["LayerVersions"]:
        lambda_.delete_layer_version(LayerName=LAYER, VersionNumber=each["Version"])


def _fastapi(platform: Any, _: str) -> Any:
    packages = fetched.python("fastapi==0.165.0", "mangum==0.22.0", "python-multipart==0.0.34")
    return platform.deploy(_files(packages) | {"h.py": _app("fastapi_app.py")}, **SETTINGS)


def _flask(platform: Any, _: str) -> Any:
    packages = fetched.python("flask==3.1.3", "apig-wsgi==2.20.0")
    return platform.deploy(_files(packages) | {"h.py": _app("flask_app.py")}, **SETTINGS)


def _express(platform: Any, framework: str) -> Any:
    files = _files(fetched.node(*EXPRESS)) | {"h.js": _app("express_app.js")}
    variables = {"SERVERLESS_HTTP": "1"} if framework == "serverless-http" else {}
    return platform.deploy(files, Runtime=_node(platform), Environment={"Variables": variables}, **SETTINGS)


def _hono(platform: Any, _: str) -> Any:
    files = _files(fetched.node("hono@4.13.19")) | {"h.mjs": _app("hono_app.mjs")}
    return platform.deploy(files, Runtime=_node(platform), **SETTINGS)


def _powertools(platform: Any, framework: str) -> Any:
    """`powertools-url` and so on: the packages are a layer, as most have them."""
    packages = _files(fetched.python("aws-lambda-powertools==3.37.0"), "python/")
    content = platform.package(packages)
    layer = platform.client("lambda").publish_layer_version(LayerName=LAYER, Content={"ZipFile": content})
    variables = {"FRONT": framework.partition("-")[2], "POWERTOOLS_SERVICE_NAME": "tests"}
    return platform.deploy(
        _app("powertools_app.py"),
        Layers=[layer["LayerVersionArn"]],
        Environment={"Variables": variables},
        **SETTINGS,
    )


def _node(platform: Any) -> str:
    return "nodejs20.x"


def _app(name: str) -> str:
    return (APPS / name).read_text()


def _files(folder: Path, below: str = "") -> dict[str, bytes]:
    """An installation's files, without what only its command lines and its tests need."""
    skipped = {"bin", ".bin", "__pycache__"}
    found = (path for path in folder.rglob("*") if path.is_file())
    names = ((path, path.relative_to(folder)) for path in found)
    return {below + name.as_posix(): path.read_bytes() for path, name in names if not skipped & set(name.parts)}


@pytest.fixture(scope="session")
def site(frameworks: Callable[[str], str], opened: Callable[[str, str], Site]) -> Callable[[str, str], Site]:
    """A framework behind a front, made once."""
    sites: dict[tuple[str, str], Site] = {}

    def site(framework: str, front: str) -> Site:
        if (framework, front) not in sites:
            sites[framework, front] = opened(frameworks(framework), front)
        return sites[framework, front]

    return site
