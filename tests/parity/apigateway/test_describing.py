"""How REST APIs are described: what operations answer, and how they refuse (facts/apigateway.md §1, §2)."""

import json
import uuid

import pytest
from botocore.exceptions import ClientError


def refusal(call, **params):
    with pytest.raises(ClientError) as refused:
        call(**params)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def replace(path, value, op="replace"):
    return [{"op": op, "path": path, "value": value}]


def test_a_new_api_has_a_root_two_models_and_the_defaults(rest):
    api = rest(description="d", tags={"a": "b"})
    told = api.get_rest_api()
    assert told.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    assert told.pop("createdDate")
    assert told == {
        "id": api.id,
        "name": "a",
        "description": "d",
        "apiKeySource": "HEADER",
        "endpointConfiguration": {"types": ["EDGE"], "ipAddressType": "ipv4"},
        "tags": {"a": "b"},
        "disableExecuteApiEndpoint": False,
        "rootResourceId": api.root,
    }
    assert api.get_resources()["items"] == [{"id": api.root, "path": "/"}]
    assert [model["name"] for model in api.get_models()["items"]] == ["Empty", "Error"]


def test_what_an_api_cant_be_is_refused_in_awss_words(platform):
    client = platform.client("apigateway")
    create = client.create_rest_api
    assert refusal(create, name="a", description="") == ("BadRequestException", "Description cannot be an empty string")
    compression = "Invalid minimum compression size, must be between 0 and 10485760"
    assert refusal(create, name="a", minimumCompressionSize=-1) == ("BadRequestException", compression)
    missing = ("NotFoundException", "Invalid API identifier specified 123456789012:nothing")
    assert refusal(client.get_rest_api, restApiId="nothing") == missing
    assert refusal(client.delete_rest_api, restApiId="nothing") == missing


def test_an_api_is_updated_by_patches(rest):
    api = rest(binaryMediaTypes=["image/png"])
    changed = api.update_rest_api(
        patchOperations=[
            *replace("/name", "b"),
            *replace("/binaryMediaTypes/image~1jpeg", "", "add"),
            {"op": "remove", "path": "/binaryMediaTypes/image~1png"},
            *replace("/minimumCompressionSize", "100"),
            *replace("/endpointConfiguration/types/EDGE", "REGIONAL"),
        ]
    )
    assert (changed["name"], changed["binaryMediaTypes"]) == ("b", ["image/jpeg"])
    assert (changed["minimumCompressionSize"], changed["endpointConfiguration"]["types"]) == (100, ["REGIONAL"])
    assert "minimumCompressionSize" not in api.update_rest_api(patchOperations=replace("/minimumCompressionSize", ""))
    code, message = refusal(api.update_rest_api, patchOperations=replace("/x", "y"))
    assert code == "BadRequestException"
    assert message.startswith("Invalid patch path  '/x' specified for op 'replace'. Must be one of: [/name, ")


def test_resources_are_a_tree_of_path_parts(rest):
    api = rest()
    pets = api.resource("/pets")
    api.resource("/pets/{id}/toys")
    greedy = api.resource("/{proxy+}")
    found = api.get_resources(limit=500)["items"]
    assert [each["path"] for each in found] == ["/", "/pets", "/pets/{id}", "/pets/{id}/toys", "/{proxy+}"]
    create = api.create_resource
    conflict = ("ConflictException", "Another resource with the same parent already has this name: pets")
    assert refusal(create, parentId=api.root, pathPart="pets") == conflict
    sibling = "A sibling ({id}) of this resource already has a variable path part -- only one is allowed"
    assert refusal(create, parentId=pets, pathPart="{other}") == ("BadRequestException", sibling)
    child = "Cannot create a child of a resource with a greedy path variable: {proxy+}"
    assert refusal(create, parentId=greedy, pathPart="x") == ("BadRequestException", child)
    assert refusal(create, parentId="nothing", pathPart="x") == (
        "NotFoundException",
        "Invalid Resource identifier specified",
    )
    cyclical = replace("/parentId", api.resource("/pets/{id}/toys"))
    refused = refusal(api.update_resource, resourceId=pets, patchOperations=cyclical)
    assert refused == ("BadRequestException", "Resources cannot be cyclical.")
    moved = api.update_resource(
        resourceId=api.resource("/pets/{id}/toys"), patchOperations=replace("/pathPart", "games")
    )
    assert moved["path"] == "/pets/{id}/games"
    api.delete_resource(resourceId=pets)
    assert [each["path"] for each in api.get_resources()["items"]] == ["/", "/{proxy+}"]


def test_lists_come_in_pages(rest):
    api = rest()
    for number in range(5):
        api.resource(f"/r{number}")
    paginator = api.client.get_paginator("get_resources")
    pages = list(paginator.paginate(restApiId=api.id, PaginationConfig={"PageSize": 2}))
    assert [len(page["items"]) for page in pages] == [2, 2, 2]
    assert len({item["id"] for page in pages for item in page["items"]}) == 6


def test_methods_and_integrations_are_shown_as_they_were_put(rest):
    api = rest()
    place = api.method("/a", "POST", requestParameters={"method.request.querystring.q": True}, operationName="op")
    integration = {"type": "HTTP", "integrationHttpMethod": "GET", "uri": "http://example.com"}
    mapped = {"integration.request.querystring.q": "method.request.querystring.q"}
    put = api.put_integration(**place, **integration, requestParameters=mapped)
    api.put_method_response(**place, statusCode="200", responseParameters={"method.response.header.A": False})
    answer = {"method.response.header.A": "'x'"}
    api.put_integration_response(**place, statusCode="200", responseParameters=answer, selectionPattern="2..")
    put.pop("ResponseMetadata")
    assert put == {
        "type": "HTTP",
        "httpMethod": "GET",
        "uri": "http://example.com",
        "connectionType": "INTERNET",
        "requestParameters": mapped,
        "passthroughBehavior": "WHEN_NO_MATCH",
        "timeoutInMillis": 29000,
        "cacheNamespace": place["resourceId"],
        "cacheKeyParameters": [],
        "responseTransferMode": "BUFFERED",
    }
    method = api.get_method(**place)
    assert (method["authorizationType"], method["apiKeyRequired"], method["operationName"]) == ("NONE", False, "op")
    assert method["methodResponses"]["200"]["responseParameters"] == {"method.response.header.A": False}
    assert method["methodIntegration"]["integrationResponses"]["200"] == {
        "statusCode": "200",
        "selectionPattern": "2..",
        "responseParameters": answer,
    }
    embedded = api.get_resources(embed=["methods"])["items"][1]["resourceMethods"]["POST"]
    assert embedded["methodIntegration"]["uri"] == "http://example.com"
    assert api.get_resources()["items"][1]["resourceMethods"] == {"POST": {}}
    changed = api.update_integration(
        **place,
        patchOperations=[
            *replace("/timeoutInMillis", "5000"),
            *replace("/requestTemplates/application~1json", "{}", "add"),
            {"op": "remove", "path": "/requestParameters/integration.request.querystring.q"},
        ],
    )
    assert (changed["timeoutInMillis"], changed["requestTemplates"]) == (5000, {"application/json": "{}"})
    assert changed["requestParameters"] == {}
    api.delete_integration(**place)
    assert refusal(api.get_integration, **place)[0] == "NotFoundException"
    assert refusal(api.delete_integration, **place)[0] == "NotFoundException"


@pytest.mark.parametrize(
    ("integration", "message"),
    [
        ({"type": "HTTP", "integrationHttpMethod": "GET", "uri": "nowhere"}, "Invalid HTTP endpoint specified for URI"),
        ({"type": "HTTP", "uri": "http://x"}, "Enumeration value for HttpMethod must be non-empty"),
        ({"type": "AWS", "integrationHttpMethod": "POST", "uri": "x"}, "Invalid ARN specified in the request"),
        (
            {"type": "AWS", "integrationHttpMethod": "POST", "uri": "arn:aws:apigateway:us-east-1:sqs:x"},
            "AWS ARN for integration must contain path or action",
        ),
        (
            {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": "arn:aws:apigateway:us-east-1:sqs:path/q"},
            "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream invocations.",
        ),
        (
            {"type": "MOCK", "requestParameters": {"integration.request.header.A": "true"}},
            "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping "
            "expression specified: true]",
        ),
        ({"type": "MOCK", "timeoutInMillis": 29001}, "Timeout should be between 50 ms and 29000 ms"),
    ],
)
def test_what_an_integration_cant_be_is_refused_in_awss_words(rest, integration, message):
    api = rest()
    place = api.method("/a")
    assert refusal(api.put_integration, **place, **integration) == ("BadRequestException", message)


def test_what_a_method_refers_to_must_be_there(rest):
    api = rest()
    place = {"resourceId": api.root, "httpMethod": "GET"}
    put = api.put_method
    model = ("BadRequestException", "Invalid model identifier specified: Pet")
    assert refusal(put, **place, authorizationType="NONE", requestModels={"application/json": "Pet"}) == model
    assert refusal(put, **place, authorizationType="CUSTOM", authorizerId="x")[1].startswith("Invalid authorizer ID")
    twice = {"method.request.querystring.a": True, "method.request.header.a": True}
    unique = "Parameter names must be unique across querystring, header and path"
    assert refusal(put, **place, authorizationType="NONE", requestParameters=twice) == ("BadRequestException", unique)
    api.create_model(name="Pet", contentType="application/json", schema='{"type": "object"}')
    put(**place, authorizationType="NONE", requestModels={"application/json": "Pet"})
    in_use = "Cannot delete model 'Pet', is referenced in method request: //GET"
    assert refusal(api.delete_model, modelName="Pet")[0] == "ConflictException", in_use


def test_an_api_without_methods_or_integrations_cant_be_deployed(rest):
    api = rest()
    methods = ("BadRequestException", "The REST API doesn't contain any methods")
    assert refusal(api.create_deployment, stageName="dev") == methods
    api.method("/a")
    integrations = ("BadRequestException", "No integration defined for method")
    assert refusal(api.create_deployment, stageName="dev") == integrations


def test_a_deployment_in_use_stays_and_a_stage_is_moved_between_deployments(rest):
    api = rest()
    api.mock("/a", template='"first"')
    first = api.deploy()
    at = {"resourceId": api.resource("/a"), "httpMethod": "GET", "statusCode": "200"}
    api.update_integration_response(**at, patchOperations=replace("/responseTemplates/application~1json", '"second"'))
    second = api.create_deployment(description="d")["id"]
    assert api("GET", "/a").value == "first"
    in_use = "Active stages pointing to this deployment must be moved or deleted"
    assert refusal(api.delete_deployment, deploymentId=first) == ("BadRequestException", in_use)
    api.update_stage(stageName="dev", patchOperations=replace("/deploymentId", second))
    assert api("GET", "/a").value == "second"
    api.delete_deployment(deploymentId=first)
    assert [each["id"] for each in api.get_deployments()["items"]] == [second]
    summary = api.get_deployment(deploymentId=second, embed=["apisummary"])["apiSummary"]
    assert summary == {"/a": {"GET": {"authorizationType": "NONE", "apiKeyRequired": False}}}


def test_a_canary_gets_its_share_of_the_requests_and_its_own_variables(rest):
    api = rest()
    api.mock("/a", template='["$stageVariables.v", "$context.isCanaryRequest", "$context.deploymentId"]')
    first = api.deploy(variables={"v": "1"})
    assert api("GET", "/a").value == ["1", "", first]
    canary = {"percentTraffic": 100.0, "stageVariableOverrides": {"v": "2"}}
    second = api.deploy(canarySettings=canary)
    stage = api.get_stage(stageName="dev")
    assert stage["canarySettings"] == canary | {"deploymentId": second, "useStageCache": False}
    assert api("GET", "/a").value == ["2", "true", second]
    api.update_stage(stageName="dev", patchOperations=replace("/canarySettings/percentTraffic", "0"))
    assert api("GET", "/a").value == ["1", "false", first]
    nowhere = refusal(api.create_deployment, stageName="nowhere", canarySettings=canary)[1]
    assert nowhere.endswith("Stage nowhere must already be created before making a canary release deployment")


def test_gateway_responses_are_inherited_shown_and_used(rest):
    api = rest()
    api.mock("/a", apiKeyRequired=True)
    assert api.get_gateway_response(responseType="INVALID_API_KEY")["defaultResponse"] is True
    template = {"application/json": '{"no": $context.error.messageString, "type": "$context.error.responseType"}'}
    cors = {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}
    api.put_gateway_response(responseType="DEFAULT_4XX", responseParameters=cors)
    api.put_gateway_response(responseType="INVALID_API_KEY", statusCode="401", responseTemplates=template)
    inherited = api.get_gateway_response(responseType="UNAUTHORIZED")
    assert (inherited["responseParameters"], inherited["defaultResponse"]) == (cors, True)
    api.deploy()
    page = api("GET", "/a")
    assert (page.status, page.value) == (401, {"no": "Forbidden", "type": "INVALID_API_KEY"})
    assert page.headers["Access-Control-Allow-Origin"] == "*"
    api.delete_gateway_response(responseType="INVALID_API_KEY")
    refused = refusal(api.delete_gateway_response, responseType="INVALID_API_KEY")
    assert refused == ("NotFoundException", "Gateway response type not defined on api")
    assert len(api.get_gateway_responses()["items"]) == 21


def test_api_keys_hide_their_values_unless_asked_and_are_imported_from_csv(platform):
    client, tag = platform.client("apigateway"), uuid.uuid4().hex
    create = client.create_api_key
    short = ("BadRequestException", "API Key value should be at least 20 characters")
    assert refusal(create, name="k", value="short") == short
    key = create(name=tag, tags={"a": "b"})
    assert (len(key["id"]), len(key["value"]), key["enabled"]) == (10, 40, False)
    assert "value" not in client.get_api_key(apiKey=key["id"])
    assert client.get_api_key(apiKey=key["id"], includeValue=True)["value"] == key["value"]
    assert [each["id"] for each in client.get_api_keys(nameQuery=tag)["items"]] == [key["id"]]
    plan = client.create_usage_plan(name="p")["id"]
    rows = f"Name,key,description,Enabled,usageplanIds\n{tag}i,{tag},d,TRUE,{plan}\nx,short,,,\n"
    imported = client.import_api_keys(body=rows.encode(), format="csv")
    assert len(imported["warnings"]) == 1
    [made] = imported["ids"]
    assert client.get_usage_plan_keys(usagePlanId=plan)["items"] == [
        {"id": made, "type": "API_KEY", "value": tag, "name": f"{tag}i"}
    ]
    client.delete_api_key(apiKey=made)
    assert client.get_usage_plan_keys(usagePlanId=plan)["items"] == []


def test_usage_plans_hold_stages_with_throttles_of_their_own(rest):
    api = rest()
    api.mock("/a")
    api.deploy()
    client = api.client
    throttle = {"burstLimit": 2, "rateLimit": 1.0}
    plan = client.create_usage_plan(name="p", throttle=throttle, quota={"limit": 5, "period": "DAY"})
    assert plan["quota"] == {"limit": 5, "period": "DAY", "offset": 0}
    stage = f"{api.id}:dev"
    changed = client.update_usage_plan(
        usagePlanId=plan["id"],
        patchOperations=[
            *replace("/apiStages", stage, "add"),
            *replace(f"/apiStages/{stage}/throttle/~1a/GET/rateLimit", "3"),
            *replace(f"/apiStages/{stage}/throttle//a/GET/burstLimit", "4"),  # as Terraform spells it
            {"op": "remove", "path": "/quota"},
        ],
    )
    own = {"/a/GET": {"burstLimit": 4, "rateLimit": 3.0}}
    assert changed["apiStages"] == [{"apiId": api.id, "stage": "dev", "throttle": own}]
    assert "quota" not in changed
    refused = refusal(client.delete_usage_plan, usagePlanId=plan["id"])
    assert refused[1] == "Cannot delete Usage Plan because it has associated API stages"
    client.update_usage_plan(usagePlanId=plan["id"], patchOperations=replace("/apiStages", stage, "remove"))
    client.delete_usage_plan(usagePlanId=plan["id"])
    short = client.create_rest_api(name="short-lived", cloneFrom=api.id)["id"]
    for name in ("one", "two"):
        client.create_deployment(restApiId=short, stageName=name)
    both = [{"apiId": short, "stage": "one"}, {"apiId": short, "stage": "two"}]
    plan = client.create_usage_plan(name="p", apiStages=both)["id"]
    client.delete_stage(restApiId=short, stageName="two")
    assert client.get_usage_plan(usagePlanId=plan)["apiStages"] == both[:1]
    client.delete_rest_api(restApiId=short)
    assert client.get_usage_plan(usagePlanId=plan)["apiStages"] == []
    client.delete_usage_plan(usagePlanId=plan)
    missing = refusal(client.create_usage_plan, name="p", apiStages=[{"apiId": "nothing", "stage": "dev"}])
    assert missing[0] == "NotFoundException"
    assert missing[1].startswith("Invalid API Stage {api: nothing, stage: dev} specified for usageplan ")


def test_tags_are_kept_by_arn(rest):
    api = rest(tags={"a": "1"})
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api.id}"
    api.client.tag_resource(resourceArn=arn, tags={"b": "2"})
    api.client.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert api.client.get_tags(resourceArn=arn)["tags"] == {"b": "2"} == api.get_rest_api()["tags"]
    api.mock("/a")
    api.deploy()
    stage = f"{arn}/stages/dev"
    api.client.tag_resource(resourceArn=stage, tags={"c": "3"})
    assert api.get_stage(stageName="dev")["tags"] == {"c": "3"}


def test_a_custom_domain_leads_to_a_stage_by_its_base_path(rest, echo):
    api = rest()
    api.method("/pets", "GET", api.proxy(echo))
    api.deploy()
    name = f"{uuid.uuid4().hex[:8]}.example.com"
    certificate = "arn:aws:acm:us-east-1:123456789012:certificate/x"
    made = api.client.create_domain_name(
        domainName=name, regionalCertificateArn=certificate, endpointConfiguration={"types": ["REGIONAL"]}
    )
    assert made["regionalDomainName"].endswith(".execute-api.us-east-1.amazonaws.com")
    client = api.client
    client.create_base_path_mapping(domainName=name, basePath="v1", restApiId=api.id, stage="dev")
    client.create_base_path_mapping(domainName=name, basePath="any", restApiId=api.id)
    event = api("GET", "/pets", stage="v1", host=name).value
    assert (event["path"], event["requestContext"]["path"]) == ("/v1/pets", "/v1/pets")
    assert (event["requestContext"]["domainName"], event["requestContext"]["stage"]) == (name, "dev")
    assert api("GET", "/dev/pets", stage="any", host=name).value["resource"] == "/pets"
    forbidden = (403, "ForbiddenException", b'{"message":"Forbidden"}')
    assert api("GET", "/pets", stage="v2", host=name).refusal == forbidden
    paths = [each["basePath"] for each in client.get_base_path_mappings(domainName=name)["items"]]
    assert paths == ["any", "v1"]
    changed = client.update_base_path_mapping(
        domainName=name, basePath="v1", patchOperations=replace("/basePath", "(none)")
    )
    assert changed["basePath"] == "(none)"
    assert refusal(api.delete_stage, stageName="dev")[1].startswith("Deleting stage failed.")
    assert refusal(api.delete_rest_api)[1].startswith("Deleting API failed.")
    client.delete_domain_name(domainName=name)
    assert refusal(client.get_domain_name, domainName=name)[0] == "NotFoundException"


def test_a_method_is_tried_out_without_a_deployment(rest, echo):
    api = rest()
    place = api.method("/pets/{id}", "ANY", api.proxy(echo), apiKeyRequired=True)
    place["httpMethod"] = "GET"  # is found as by a request
    tried = api.test_invoke_method(
        **place, pathWithQueryString="/pets/7?a=b", headers={"X-A": "1"}, stageVariables={"v": "1"}
    )
    event = json.loads(tried["body"])
    assert (event["pathParameters"], event["queryStringParameters"]) == ({"id": "7"}, {"a": "b"})
    assert (event["headers"], event["stageVariables"]) == ({"X-A": "1"}, {"v": "1"})
    assert event["requestContext"]["stage"] == "test-invoke-stage" and "deploymentId" not in event["requestContext"]
    who = event["requestContext"]["identity"]
    assert (who["sourceIp"], who["caller"], who["user"]) == ("test-invoke-source-ip", "123456789012", "123456789012")
    assert (who["accountId"], who["userArn"]) == ("123456789012", "arn:aws:iam::123456789012:root")
    assert (who["apiKey"], who["apiKeyId"]) == ("test-invoke-api-key", "test-invoke-api-key-id")
    assert json.loads(api.test_invoke_method(**place)["body"])["headers"] is None
    assert (tried["status"], set(tried["headers"])) == (200, {"Content-Type", "X-Amzn-Trace-Id", "x-arn"})
    assert tried["headers"]["X-Amzn-Trace-Id"].startswith("Root=1-")
    lines = [line.partition(" : ")[2] for line in tried["log"].split("\n")]
    assert tried["log"].startswith("Execution log for request ")
    assert "Method request path: {id=7}" in lines
    [url] = [line.removeprefix("Sending request to ") for line in lines if line.startswith("Sending request to ")]
    assert url.startswith("https://lambda.us-east-1.amazonaws.com/2015-03-31/functions/arn:aws:lambda:")
    assert [line for line in lines if line.startswith("Received response. Status: 200, Integration latency: ")]
    assert lines[-3:-1] == ["Successfully completed execution", "Method completed with status: 200"]


def test_an_authorizer_is_tried_out(rest, deploy):
    function = deploy("""
        def handler(event, context):
            if event["authorizationToken"] == "no":
                raise Exception("Unauthorized")
            statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event["methodArn"]}
            document = {"Version": "2012-10-17", "Statement": [statement]}
            return {"principalId": "me", "policyDocument": document, "context": {"a": 1}}
    """)
    api = rest()
    source = "method.request.header.Authorization"
    uri = api.proxy(function)["uri"]
    id = api.create_authorizer(name="a", type="TOKEN", authorizerUri=uri, identitySource=source)["id"]
    tried = api.test_invoke_authorizer(authorizerId=id, headers={"Authorization": "yes"})
    assert (tried["clientStatus"], tried["principalId"], tried["authorization"]) == (0, "me", {"a": ["1"]})
    assert json.loads(tried["policy"])["Statement"][0]["Effect"] == "Allow"
    assert f" : Starting authorizer: {id} for request: " in tried["log"]
    assert tried["log"].endswith(" : Successfully completed authorizer execution\n")
    assert api.test_invoke_authorizer(authorizerId=id, headers={"Authorization": "no"})["clientStatus"] == 401
    assert api.test_invoke_authorizer(authorizerId=id)["clientStatus"] == 401


def test_the_rest_is_kept_as_well(rest):
    api = rest()
    client = api.client
    part = api.create_documentation_part(location={"type": "API"}, properties='{"description": "d"}')
    api.create_documentation_version(documentationVersion="1")
    assert [each["id"] for each in api.get_documentation_parts()["items"]] == [part["id"]]
    assert api.get_documentation_version(documentationVersion="1")["version"] == "1"
    certificate = client.generate_client_certificate(description="d")
    assert certificate["pemEncodedCertificate"].startswith("-----BEGIN CERTIFICATE-----")
    client.delete_client_certificate(clientCertificateId=certificate["clientCertificateId"])
    link = client.create_vpc_link(
        name="l", targetArns=["arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/a/b"]
    )
    assert (link["status"], link["statusMessage"]) == ("FAILED", "One or more load balancers not found")
    place = api.method("/a")
    private = {"type": "HTTP", "integrationHttpMethod": "GET", "uri": "http://x", "connectionType": "VPC_LINK"}
    kept = api.put_integration(**place, **private, connectionId=link["id"])
    assert (kept["connectionType"], kept["connectionId"]) == ("VPC_LINK", link["id"])
    refused = refusal(api.put_integration, **place, **private, connectionId="nobody")
    assert refused == ("BadRequestException", "Invalid Vpc Link identifier specified nobody")
    api.delete_method(**place)
    client.delete_vpc_link(vpcLinkId=link["id"])
    role = replace("/cloudwatchRoleArn", "arn:aws:iam::123456789012:role/logs")
    assert client.update_account(patchOperations=role)["cloudwatchRoleArn"].endswith("role/logs")
    assert client.get_account()["throttleSettings"] == {"burstLimit": 5000, "rateLimit": 10000.0}


def test_what_was_acknowledged_is_there_after_a_restart(platforms, tmp_path):
    server = platforms("--data-dir", str(tmp_path))
    client = server.client("apigateway")
    api = client.create_rest_api(name="a")["id"]
    root = client.get_resources(restApiId=api)["items"][0]["id"]
    place = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    client.put_method(**place, authorizationType="NONE")
    client.put_integration(**place, type="MOCK")
    client.create_deployment(restApiId=api, stageName="dev")
    server.kill()
    server = platforms("--data-dir", str(tmp_path))
    client = server.client("apigateway")
    assert client.get_method(**place)["methodIntegration"]["type"] == "MOCK"
    assert [each["stageName"] for each in client.get_stages(restApiId=api)["item"]] == ["dev"]
    assert server.stop() == 0


def test_a_model_has_a_sample_template(rest):
    api = rest()
    value = "#set($inputRoot = $input.path('$'))\n{\n  \"message\" : \"foo\"\n}"
    assert api.get_model_template(modelName="Error")["value"] == value
    with pytest.raises(api.client.exceptions.NotFoundException):
        api.get_model_template(modelName="Nothing")
