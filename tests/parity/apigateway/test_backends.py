"""Servers behind REST APIs: over VPC links, and which client certificates they see (facts/apigateway.md §2)."""

import datetime
import json
import ssl

import pytest
from backend import Backend
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@pytest.fixture
def inner(platform):
    """A load balancer whose rules say what they were asked for, and a VPC link."""
    elb, v2 = platform.client("elbv2"), platform.client("apigatewayv2")
    arn = elb.create_load_balancer(Name="rest-inner", Subnets=["subnet-1", "subnet-2"], Scheme="internal")[
        "LoadBalancers"
    ][0]["LoadBalancerArn"]

    def says(text):
        fixed = {"StatusCode": "200", "ContentType": "text/plain", "MessageBody": text}
        return {"Type": "fixed-response", "FixedResponseConfig": fixed}

    listener = elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=8080, DefaultActions=[says("other")])
    met = [
        {"Field": "host-header", "Values": ["pets.example"]},
        {"Field": "path-pattern", "Values": ["/v1/*"]},
        {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "kind", "Value": "dog"}]}},
    ]
    elb.create_rule(
        ListenerArn=listener["Listeners"][0]["ListenerArn"], Priority=1, Conditions=met, Actions=[says("met")]
    )
    link = v2.create_vpc_link(Name="l", SubnetIds=["subnet-1"])["VpcLinkId"]
    yield {"connectionType": "VPC_LINK", "connectionId": link, "integrationTarget": arn}
    v2.delete_vpc_link(VpcLinkId=link)
    elb.delete_load_balancer(LoadBalancerArn=arn)


def test_an_answer_to_head_has_the_length_that_its_server_says(rest):
    api = rest()
    with Backend(lambda asked: (200, [("X-Method", asked.method)], b"x" * 12)) as backend:
        to = {"type": "HTTP_PROXY", "integrationHttpMethod": "ANY", "uri": backend.url}
        api.method("/", "ANY", to)
        api.method("/get", "ANY", to | {"integrationHttpMethod": "GET"})
        api.deploy()
        for path, method in (("/", "HEAD"), ("/get", "GET")):
            page = api("HEAD", path)
            assert (page.status, page.headers["X-Method"], page.body) == (200, method, b"")
            assert page.headers.get_all("Content-Length") == ["12"]


def test_a_private_integration_reaches_the_listener_under_the_host_and_path_of_its_url(rest, inner):
    api = rest()
    parameters = {"integration.request.path.id": "method.request.path.id"}
    api.method(
        "/pets/{id}",
        "GET",
        {
            "type": "HTTP_PROXY",
            "integrationHttpMethod": "GET",
            "uri": "http://pets.example:8080/v1/{id}",
            "requestParameters": parameters,
            **inner,
        },
        requestParameters={"method.request.path.id": True},
    )
    api.method(
        "/elsewhere", "GET", {"type": "HTTP", "integrationHttpMethod": "GET", "uri": "http://pets.example:9/", **inner}
    )
    api.deploy()
    assert api("GET", "/pets/7?kind=dog").body == b"met"
    assert api("GET", "/pets/7?kind=cat").body == b"other"
    page = api("GET", "/elsewhere")
    assert (page.status, page.value["message"]) == (504, "Network error communicating with endpoint")


def test_a_private_integration_names_a_link_and_a_load_balancer_that_can_be(rest, inner):
    api = rest()
    wanted = {"type": "HTTP_PROXY", "integrationHttpMethod": "GET", "uri": "http://a.example/"} | inner
    refused = (
        ({"connectionId": "nobody"}, "Invalid Vpc Link identifier"),
        ({"integrationTarget": ""}, "IntegrationTarget"),
        ({"type": "MOCK"}, "only supported for integrations of type"),
        ({"integrationTarget": inner["integrationTarget"].replace("/app/", "/net/")}, "ARN of an Application Load"),
    )
    for number, (wrong, words) in enumerate(refused):
        with pytest.raises(ClientError, match=words):
            api.method(f"/{number}", "GET", wanted | wrong)
    old = api.client.create_vpc_link(name="o", targetArns=[inner["integrationTarget"]])
    assert (old["status"], old["statusMessage"]) == ("FAILED", "NLB ARN is malformed.")
    with pytest.raises(ClientError, match="only be specified for a VPC link of version 2"):
        api.method("/", "GET", wanted | {"connectionId": old["id"]})
    api.client.delete_vpc_link(vpcLinkId=old["id"])


@pytest.fixture
def server_tls(tmp_path):
    """A server that asks for the certificate in a file, and shows one that nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "backend")])
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - datetime.timedelta(3650))
    certificate = made.not_valid_after(now + datetime.timedelta(36500)).sign(key, hashes.SHA256())
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )

    def asking(trusted):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        context.load_verify_locations(cadata=trusted)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    return asking


def test_a_backend_is_shown_the_client_certificate_of_the_stage(rest, server_tls):
    api = rest()
    certificate = api.client.generate_client_certificate(description="d")
    assert set(certificate) - {"ResponseMetadata"} == {
        "clientCertificateId", "pemEncodedCertificate", "createdDate", "expirationDate", "description",
    }  # fmt: skip
    pem = certificate["pemEncodedCertificate"]
    with Backend(
        lambda asked: (200, [], json.dumps(asked.certificate == ssl.PEM_cert_to_DER_cert(pem)).encode()),
        server_tls(pem),
    ) as backend:
        to = {"integrationHttpMethod": "GET", "uri": backend.url, "tlsConfig": {"insecureSkipVerification": True}}
        api.method("/", "GET", {"type": "HTTP_PROXY", **to})
        api.deploy()
        assert api("GET", "/").status == 504  # it shows none yet
        id = certificate["clientCertificateId"]
        shown = [{"op": "replace", "path": "/clientCertificateId", "value": id}]
        api.update_stage(stageName="dev", patchOperations=shown)
        assert [api("GET", "/").value for _ in range(2)] == [True, True]
        wrong = [{"op": "replace", "path": "/clientCertificateId", "value": "nobody"}]
        with pytest.raises(ClientError, match="Invalid Client Certificate"):
            api.update_stage(stageName="dev", patchOperations=wrong)
    api.client.delete_client_certificate(clientCertificateId=id)
