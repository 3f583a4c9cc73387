"""Custom domain names for private APIs (AWS's guide): callers inside, access associations, policies."""

import json

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "123456789012"
CERTIFICATE = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/x"
ALLOW = {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}
INSIDE = """
    import os, urllib.error, urllib.request

    def handler(event, context):
        url = os.environ["AWS_ENDPOINT_URL"] + event["path"]
        request = urllib.request.Request(url, headers={"Host": event["host"]})
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
"""


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def only(endpoint):
    """AWS's own example: everybody, but nobody by another endpoint."""
    return policy(ALLOW, ALLOW | {"Effect": "Deny", "Condition": {"StringNotEquals": {"aws:SourceVpce": endpoint}}})


@pytest.fixture
def private(rest, echo):
    """A private API that takes what comes by vpce-1a, and a private domain that leads to it."""
    api = rest(endpointConfiguration={"types": ["PRIVATE"]}, policy=only("vpce-1a"))
    api.method("/a", "GET", api.proxy(echo))
    api.deploy()
    name = f"{api.id}.private.example.com"
    made = api.client.create_domain_name(
        domainName=name, certificateArn=CERTIFICATE, endpointConfiguration={"types": ["PRIVATE"]}
    )
    where = {"domainName": name, "domainNameId": made["domainNameId"]}
    api.client.create_base_path_mapping(**where, basePath="v1", restApiId=api.id, stage="dev")
    yield api, made, where
    api.client.delete_domain_name(**where)
    assert not associations(api, made)


def associations(api, made):
    found = api.client.get_domain_name_access_associations()["items"]
    return [each for each in found if each["domainNameArn"] == made["domainNameArn"]]


def associate(api, made, source="vpce-1a"):
    return api.client.create_domain_name_access_association(
        domainNameArn=made["domainNameArn"], accessAssociationSourceType="VPCE", accessAssociationSource=source
    )


def let_in(api, where, document):
    operation = {"op": "replace", "path": "/policy", "value": document}
    return api.client.update_domain_name(**where, patchOperations=[operation])


def test_a_private_domain_has_an_id_in_its_arn_and_admits_nobody_by_itself(private):
    api, made, where = private
    name, id = where["domainName"], where["domainNameId"]
    assert made["domainNameArn"] == f"arn:aws:apigateway:us-east-1:{ACCOUNT}:/domainnames/{name}+{id}"
    assert made["endpointConfiguration"] == {"types": ["PRIVATE"], "ipAddressType": "dualstack"}
    assert not {"regionalDomainName", "distributionDomainName"} & set(made)
    [statement] = json.loads(made["policy"])["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Resource"] == f"arn:aws:execute-api:us-east-1:{ACCOUNT}:/domainnames/{name}+{id}"
    assert api.client.get_domain_name(**where)["policy"] == made["policy"]


def test_only_callers_inside_get_in_and_only_with_an_association_and_a_policy(private, deploy):
    api, made, where = private
    inside = deploy(INSIDE)
    asked = {"path": "/v1/a", "host": where["domainName"]}
    closed = [403, '{"message":"Forbidden"}']
    assert inside(asked).result == closed
    associate(api, made)
    assert inside(asked).result == closed  # by the policy that it was made with
    let_in(api, where, only("vpce-other"))
    assert inside(asked).result == closed
    let_in(api, where, only("vpce-1a"))
    status, body = inside(asked).result
    event = json.loads(body)
    assert status == 200 and event["path"] == "/v1/a"
    assert event["requestContext"]["identity"]["vpceId"] == "vpce-1a"
    assert event["requestContext"]["domainName"] == where["domainName"]
    assert api("GET", "/v1/a", stage="", host=where["domainName"]).status == 403
    [association] = associations(api, made)
    arn = association["domainNameAccessAssociationArn"]
    api.client.delete_domain_name_access_association(domainNameAccessAssociationArn=arn)
    assert inside(asked).result == closed


def test_the_policy_of_the_api_counts_as_well(private, deploy):
    api, made, where = private
    inside = deploy(INSIDE)
    associate(api, made, "vpce-2b")
    let_in(api, where, policy(ALLOW))
    status, body = inside({"path": "/v1/a", "host": where["domainName"]}).result
    assert status == 403 and "is not authorized to perform: execute-api:Invoke" in body
    associate(api, made)
    let_in(api, where, only("vpce-1a"))
    assert inside({"path": "/v1/a", "host": where["domainName"]}).result[0] == 200


def test_a_private_api_of_an_endpoint_is_reached_by_it(rest, echo, deploy):
    endpoints = {"types": ["PRIVATE"], "vpcEndpointIds": ["vpce-9f"]}
    api = rest(endpointConfiguration=endpoints, policy=only("vpce-9f"))
    api.method("/a", "GET", api.proxy(echo))
    api.deploy()
    status, body = deploy(INSIDE)({"path": f"/_aws/execute-api/{api.id}/dev/a", "host": "localhost"}).result
    assert status == 200 and json.loads(body)["requestContext"]["identity"]["vpceId"] == "vpce-9f"


def test_domains_have_tags_by_their_arns(private):
    api, made, where = private
    name = f"{api.id}.public.example.com"
    regional = {"regionalCertificateArn": CERTIFICATE, "endpointConfiguration": {"types": ["REGIONAL"]}}
    public = api.client.create_domain_name(domainName=name, **regional)
    for arn, named in ((made["domainNameArn"], where), (public["domainNameArn"], {"domainName": name})):
        api.client.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
        api.client.untag_resource(resourceArn=arn, tagKeys=["a"])
        assert api.client.get_tags(resourceArn=arn)["tags"] == {"b": "2"}
        assert api.client.get_domain_name(**named)["tags"] == {"b": "2"}
    api.client.delete_domain_name(domainName=name)
    with pytest.raises(api.client.exceptions.NotFoundException):
        api.client.get_tags(resourceArn=public["domainNameArn"])


def test_associations_are_described_and_refused(private):
    api, made, where = private
    first = associate(api, made)
    first.pop("ResponseMetadata")
    name = f"domainnameaccessassociations/domainname/{where['domainName']}/vpcesource/vpce-1a"
    assert first == {
        "domainNameAccessAssociationArn": f"arn:aws:apigateway:us-east-1:{ACCOUNT}:/{name}",
        "domainNameArn": made["domainNameArn"],
        "accessAssociationSourceType": "VPCE",
        "accessAssociationSource": "vpce-1a",
    }
    assert associations(api, made) == [first]
    assert api.client.get_domain_name_access_associations(resourceOwner="OTHER_ACCOUNTS")["items"] == []

    def code(call, **params):
        with pytest.raises(ClientError) as refused:
            call(**params)
        return refused.value.response["Error"]["Code"]

    assert code(lambda: associate(api, made)) == "ConflictException"
    assert code(lambda: associate(api, made, "vpc-1")) == "BadRequestException"
    assert code(lambda: associate(api, {"domainNameArn": f"{made['domainNameArn']}x"})) == "NotFoundException"
    assert code(api.client.get_domain_name, domainName=where["domainName"]) == "NotFoundException"
    assert code(api.client.get_domain_name, domainName=where["domainName"], domainNameId="x") == "NotFoundException"


def test_what_a_private_domain_cannot_be_is_refused(private, rest, platform):
    api, _, where = private

    def refusal(call, **params):
        with pytest.raises(ClientError) as refused:
            call(**params)
        assert refused.value.response["Error"]["Code"] == "BadRequestException"
        return refused.value.response["Error"]["Message"]

    public = rest()
    public.mock("/")
    public.deploy()
    refused = refusal(api.client.create_base_path_mapping, **where, restApiId=public.id, stage="dev")
    assert "private" in refused
    kind = {"types": ["PRIVATE"]}
    made = {"certificateArn": CERTIFICATE, "endpointConfiguration": kind}
    create = api.client.create_domain_name
    assert "Wildcard" in refusal(create, domainName="*.private.example.com", **made)
    store = {"truststoreUri": "s3://b/k.pem"}
    assert "REGIONAL" in refusal(create, domainName="m.example.com", mutualTlsAuthentication=store, **made)
    assert "Invalid policy document" in refusal(create, domainName="p.example.com", policy="{", **made)
    edge = made | {"endpointConfiguration": {"types": ["EDGE"]}}
    assert "private" in refusal(create, domainName="e.example.com", policy=policy(ALLOW), **edge)
    change = [{"op": "replace", "path": "/endpointConfiguration/types/PRIVATE", "value": "REGIONAL"}]
    refusal(api.client.update_domain_name, **where, patchOperations=change)
    assert "private" not in json.dumps(platform.client("apigatewayv2").get_domain_names(), default=str)
