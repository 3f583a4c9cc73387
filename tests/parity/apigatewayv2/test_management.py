"""The management of HTTP APIs: what is kept, shown and refused (facts/apigateway.md §1, §9)."""

import json

import pytest
from botocore.exceptions import ClientError


def refused(call, **params):
    with pytest.raises(ClientError) as error:
        call(**params)
    told = error.value.response["Error"]
    return told["Code"], told["Message"]


def test_an_api_shows_its_defaults_and_where_it_is_reached(client):
    v2 = client("apigatewayv2")
    made = v2.create_api(Name="a", ProtocolType="HTTP", Tags={"team": "x"})
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["ApiEndpoint"].endswith(v2.meta.endpoint_url.rpartition(":")[2])
    assert f"{made['ApiId']}.execute-api.us-east-1.localhost" in made["ApiEndpoint"]
    assert made["RouteSelectionExpression"] == "$request.method $request.path"
    assert made["ApiKeySelectionExpression"] == "$request.header.x-api-key"
    assert made["DisableExecuteApiEndpoint"] is False
    assert made["Tags"] == {"team": "x"}
    assert made["CreatedDate"].tzinfo is not None
    assert len(made["ApiId"]) == 10
    got = v2.get_api(ApiId=made["ApiId"])
    assert {**got, "ResponseMetadata": None} == {**made, "ResponseMetadata": None}


def test_an_update_changes_what_it_gives_and_nothing_else(client):
    v2 = client("apigatewayv2")
    id = v2.create_api(Name="a", ProtocolType="HTTP", Description="d")["ApiId"]
    v2.update_api(ApiId=id, Name="b", CorsConfiguration={"AllowOrigins": ["*"]})
    found = v2.get_api(ApiId=id)
    assert (found["Name"], found["Description"], found["CorsConfiguration"]) == ("b", "d", {"AllowOrigins": ["*"]})
    assert v2.delete_cors_configuration(ApiId=id)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert "CorsConfiguration" not in v2.get_api(ApiId=id)


def test_lists_come_in_pages_of_whatever_was_there(client):
    v2 = client("apigatewayv2")
    made = {v2.create_api(Name=str(number), ProtocolType="HTTP")["ApiId"] for number in range(5)}
    found, token = set(), {}
    while True:
        page = v2.get_apis(MaxResults="2", **token)
        assert len(page["Items"]) <= 2
        found |= {each["ApiId"] for each in page["Items"]}
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert found == made
    assert refused(v2.get_apis, NextToken="%%%")[0] == "BadRequestException"
    assert refused(v2.get_apis, MaxResults="many")[0] == "BadRequestException"


def test_accounts_and_regions_see_nothing_of_each_other(client):
    here = client("apigatewayv2")
    id = here.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    for other in (client("apigatewayv2", account="999999999999"), client("apigatewayv2", region="eu-west-1")):
        assert other.get_apis()["Items"] == []
        assert refused(other.get_api, ApiId=id)[0] == "NotFoundException"


def test_a_second_route_with_the_same_key_is_a_conflict(client):
    v2 = client("apigatewayv2")
    id = v2.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    route = v2.create_route(ApiId=id, RouteKey="GET /x")
    assert route["AuthorizationType"] == "NONE"
    assert route["ApiKeyRequired"] is False
    told = refused(v2.create_route, ApiId=id, RouteKey="GET /x")
    assert told == ("ConflictException", "Route with key GET /x already exists for this API")
    assert refused(v2.create_route, ApiId=id, RouteKey="GET x")[0] == "BadRequestException"
    assert refused(v2.create_route, ApiId=id, RouteKey="GET /y", Target="integrations/no")[0] == "BadRequestException"


def test_what_a_route_leads_to_cannot_be_deleted(client):
    v2 = client("apigatewayv2")
    id = v2.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    integration = v2.create_integration(
        ApiId=id, IntegrationType="HTTP_PROXY", IntegrationMethod="GET", IntegrationUri="https://example.com",
        PayloadFormatVersion="1.0",
    )  # fmt: skip
    assert (integration["TimeoutInMillis"], integration["ConnectionType"]) == (30000, "INTERNET")
    route = v2.create_route(ApiId=id, RouteKey="GET /x", Target=f"integrations/{integration['IntegrationId']}")
    gone = {"ApiId": id, "IntegrationId": integration["IntegrationId"]}
    assert refused(v2.delete_integration, **gone)[0] == "ConflictException"
    v2.delete_route(ApiId=id, RouteId=route["RouteId"])
    v2.delete_integration(**gone)
    assert refused(v2.get_integration, **gone)[0] == "NotFoundException"


@pytest.mark.parametrize(
    "integration",
    [
        {"IntegrationType": "MOCK"},
        {"IntegrationType": "AWS_PROXY", "IntegrationUri": "arn:aws:lambda:us-east-1:123456789012:function:f"},
        {"IntegrationType": "AWS_PROXY", "PayloadFormatVersion": "2.0"},
        {"IntegrationType": "AWS_PROXY", "PayloadFormatVersion": "3.0", "IntegrationUri": "arn"},
        {"IntegrationType": "AWS_PROXY", "PayloadFormatVersion": "2.0", "IntegrationUri": "my-function"},
        {"IntegrationType": "HTTP_PROXY", "IntegrationUri": "example.com"}
        | {"IntegrationMethod": "GET", "PayloadFormatVersion": "1.0"},
        {"IntegrationType": "HTTP_PROXY", "IntegrationUri": "https://example.com", "PayloadFormatVersion": "1.0"},
        {"IntegrationType": "AWS_PROXY", "IntegrationSubtype": "Nobody-DoIt", "PayloadFormatVersion": "1.0"},
        {"IntegrationType": "AWS_PROXY", "IntegrationSubtype": "SQS-SendMessage", "PayloadFormatVersion": "1.0"},
    ],
)
def test_integrations_that_cannot_be_are_refused(client, integration):
    v2 = client("apigatewayv2")
    id = v2.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    assert refused(v2.create_integration, ApiId=id, **integration)[0] == "BadRequestException"


def test_a_stage_that_deploys_by_itself_gets_a_deployment_with_every_change(client):
    v2 = client("apigatewayv2")
    id = v2.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    first = v2.create_stage(ApiId=id, StageName="$default", AutoDeploy=True)
    assert first["DeploymentId"]
    v2.create_route(ApiId=id, RouteKey="GET /x")
    second = v2.get_stage(ApiId=id, StageName="$default")
    assert second["DeploymentId"] != first["DeploymentId"]
    assert second["LastDeploymentStatusMessage"] == (
        f"Successfully deployed stage with deployment ID '{second['DeploymentId']}'"
    )
    [deployment] = v2.get_deployments(ApiId=id)["Items"]
    assert (deployment["AutoDeployed"], deployment["DeploymentStatus"]) == (True, "DEPLOYED")
    assert refused(v2.create_stage, ApiId=id, StageName="$default")[0] == "ConflictException"
    assert refused(v2.create_stage, ApiId=id, StageName="a b")[0] == "BadRequestException"


def test_settings_of_routes_and_logs_of_a_stage_can_be_taken_away(client):
    v2 = client("apigatewayv2")
    id = v2.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    v2.create_route(ApiId=id, RouteKey="GET /x")
    v2.create_stage(
        ApiId=id,
        StageName="s",
        RouteSettings={"GET /x": {"ThrottlingBurstLimit": 5}},
        AccessLogSettings={
            "DestinationArn": "arn:aws:logs:us-east-1:123456789012:log-group:g", "Format": "$context.path",
        },
    )
    told = refused(v2.update_stage, ApiId=id, StageName="s", RouteSettings={"GET /y": {"ThrottlingBurstLimit": 5}})
    assert told == ("NotFoundException", "Unable to find Route by key GET /y within the provided RouteSettings")
    v2.delete_route_settings(ApiId=id, StageName="s", RouteKey="GET /x")
    v2.delete_access_log_settings(ApiId=id, StageName="s")
    stage = v2.get_stage(ApiId=id, StageName="s")
    assert stage["RouteSettings"] == {}
    assert "AccessLogSettings" not in stage


def test_tags_of_apis_stages_domains_and_links(client):
    v2 = client("apigatewayv2")
    id = v2.create_api(Name="a", ProtocolType="HTTP", Tags={"a": "1"})["ApiId"]
    v2.create_stage(ApiId=id, StageName="s")
    link = v2.create_vpc_link(Name="l", SubnetIds=["subnet-1"])["VpcLinkId"]
    for below in (f"apis/{id}", f"apis/{id}/stages/s", f"vpclinks/{link}"):
        arn = f"arn:aws:apigateway:us-east-1::/{below}"
        v2.tag_resource(ResourceArn=arn, Tags={"b": "2", "c": "3"})
        v2.untag_resource(ResourceArn=arn, TagKeys=["c", "a"])
        assert v2.get_tags(ResourceArn=arn)["Tags"] == {"b": "2"}
    assert refused(v2.get_tags, ResourceArn="arn:aws:apigateway:us-east-1::/apis/nobody")[0] == "NotFoundException"
    assert refused(v2.get_tags, ResourceArn="arn:aws:sqs:us-east-1:1:q")[0] == "BadRequestException"


def test_a_domain_name_is_there_once(client):
    v2 = client("apigatewayv2")
    configurations = [{"CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/a"}]
    made = v2.create_domain_name(DomainName="Api.once.example", DomainNameConfigurations=configurations)
    assert made["DomainName"] == "api.once.example"
    assert made["DomainNameConfigurations"][0]["DomainNameStatus"] == "AVAILABLE"
    other = client("apigatewayv2", account="999999999998")
    given = {"DomainName": "api.once.example", "DomainNameConfigurations": configurations}
    assert refused(other.create_domain_name, **given)[0] == "ConflictException"
    id = v2.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    v2.create_stage(ApiId=id, StageName="s")
    mapping = {"DomainName": "api.once.example", "ApiId": id, "Stage": "s"}
    v2.create_api_mapping(**mapping, ApiMappingKey="v1")
    assert refused(v2.create_api_mapping, **mapping, ApiMappingKey="v1")[0] == "ConflictException"
    assert refused(v2.create_api_mapping, **mapping, ApiMappingKey="/v1")[0] == "BadRequestException"
    assert refused(v2.create_api_mapping, **mapping | {"Stage": "t"})[0] == "BadRequestException"
    assert [each["ApiMappingKey"] for each in v2.get_api_mappings(DomainName="api.once.example")["Items"]] == ["v1"]
    for call, params in ((v2.delete_stage, {"StageName": "s"}), (v2.delete_api, {})):
        assert "remove all api mappings" in refused(call, ApiId=id, **params)[1]
    v2.delete_domain_name(DomainName="api.once.example")
    assert refused(v2.get_api_mappings, DomainName="api.once.example")[0] == "NotFoundException"


def test_everything_of_an_api_goes_with_it(client):
    v2 = client("apigatewayv2")
    id = v2.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    v2.create_stage(ApiId=id, StageName="s", AutoDeploy=True)
    v2.create_route(ApiId=id, RouteKey="GET /x")
    v2.delete_api(ApiId=id)
    for call in (v2.get_api, v2.get_routes, v2.get_stages, v2.get_deployments):
        assert refused(call, ApiId=id)[0] == "NotFoundException"
    assert refused(v2.delete_api, ApiId=id)[0] == "NotFoundException"


def test_an_update_sets_single_parameters_and_variables_and_empty_ones_go(client):
    v2 = client("apigatewayv2")
    id = v2.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    made = v2.create_integration(
        ApiId=id, IntegrationType="HTTP_PROXY", IntegrationMethod="GET", IntegrationUri="https://example.com",
        PayloadFormatVersion="1.0", RequestParameters={"append:header.a": "1", "append:header.b": "2"},
        ResponseParameters={"200": {"append:header.x": "1"}, "500": {"overwrite:statuscode": "503"}},
    )  # fmt: skip
    changed = v2.update_integration(
        ApiId=id,
        IntegrationId=made["IntegrationId"],
        RequestParameters={"append:header.b": "", "append:header.c": "3"},
        ResponseParameters={"500": {}},
    )
    assert changed["RequestParameters"] == {"append:header.a": "1", "append:header.c": "3"}
    assert changed["ResponseParameters"] == {"200": {"append:header.x": "1"}}
    v2.create_stage(ApiId=id, StageName="s", StageVariables={"a": "1", "b": "2"})
    stage = v2.update_stage(ApiId=id, StageName="s", StageVariables={"b": "", "c": "3"})
    assert stage["StageVariables"] == {"a": "1", "c": "3"}
    told = refused(v2.get_api, ApiId="nobody")
    assert told[1].startswith("Invalid API identifier specified ")


def test_credentials_do_not_go_with_every_origin(client):
    v2 = client("apigatewayv2")
    everybody = {"AllowOrigins": ["*"], "AllowCredentials": True}
    told = ("BadRequestException", "allow-credentials is not supported if 'allow-origin' is *")
    assert refused(v2.create_api, Name="a", ProtocolType="HTTP", CorsConfiguration=everybody) == told
    id = v2.create_api(Name="a", ProtocolType="HTTP", CorsConfiguration={"AllowOrigins": ["*"]})["ApiId"]
    assert refused(v2.update_api, ApiId=id, CorsConfiguration=everybody) == told
    document = {"openapi": "3.0.1", "info": {"title": "a", "version": "1"}, "paths": {}}
    document["x-amazon-apigateway-cors"] = {"allowOrigins": ["*"], "allowCredentials": True}
    assert refused(v2.reimport_api, ApiId=id, Body=json.dumps(document)) == told
    assert v2.get_api(ApiId=id)["CorsConfiguration"] == {"AllowOrigins": ["*"]}


def test_what_quick_create_made_is_changed_by_an_update_of_the_api(client):
    v2 = client("apigatewayv2")
    quick = {"Name": "a", "ProtocolType": "HTTP"}
    assert refused(v2.create_api, Target="nonsense", **quick)[0] == "BadRequestException"
    assert refused(v2.create_api, Target="https://example.com", RouteKey="GET", **quick)[0] == "BadRequestException"
    id = v2.create_api(Target="https://example.com", **quick)["ApiId"]
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    v2.update_api(ApiId=id, Target=arn, RouteKey="GET /pets")
    [integration], [route] = v2.get_integrations(ApiId=id)["Items"], v2.get_routes(ApiId=id)["Items"]
    assert (integration["IntegrationType"], integration["IntegrationUri"]) == ("AWS_PROXY", arn)
    assert (integration["IntegrationMethod"], integration["PayloadFormatVersion"]) == ("POST", "2.0")
    assert (route["RouteKey"], route["Target"]) == ("GET /pets", f"integrations/{integration['IntegrationId']}")
    assert len(v2.get_deployments(ApiId=id)["Items"]) == 1
    plain = v2.create_api(**quick)["ApiId"]
    assert refused(v2.update_api, ApiId=plain, Target=arn)[0] == "BadRequestException"
