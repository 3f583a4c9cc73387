"""The registry where signatures and permissions count: passwords at the door, and what each step needs."""

import base64
import hashlib
import http.client
import json
import os
from typing import Any
from urllib.parse import urlsplit

import pytest

ROOT = "000000000000"
LAYER = b"layer"


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@pytest.fixture
def door(guarded: Any) -> Any:
    """A request to the registry: (status, headers, content)."""

    def door(method: str, path: str, token: str = "", body: bytes = b"", **headers: str) -> tuple[int, Any, Any]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["Authorization"] = f"Basic {token}"
        connection = http.client.HTTPConnection(urlsplit(guarded.endpoint).netloc, timeout=60)
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        is_json = content and answer.headers.get("Content-Type", "").startswith("application/json")
        return answer.status, answer.headers, json.loads(content) if is_json else content

    return door


def token(client: Any) -> str:
    return str(client.get_authorization_token()["authorizationData"][0]["authorizationToken"])


def push(door: Any, path: str, who: str) -> Any:
    """The first answer that isn't the good one, of pushing an image of one layer; or the last."""
    for blob in (b"{}", LAYER):
        status, headers, content = door("POST", f"{path}/blobs/uploads/", who)
        if status != 202:
            return status, content
        status, _, content = door("PUT", f"{headers['Location']}?digest={digest(blob)}", who, blob)
        if status != 201:
            return status, content
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(b"{}"), "size": 2}
    layers = [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(LAYER), "size": len(LAYER)}]
    kind = "application/vnd.oci.image.manifest.v1+json"
    salt = {"salt": os.urandom(8).hex()}
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers, "annotations": salt}
    status, _, content = door("PUT", f"{path}/manifests/v1", who, json.dumps(manifest).encode(), Content_Type=kind)
    return status, content


@pytest.fixture
def repository(secured: Any) -> Any:
    ecr = secured.client("ecr")
    ecr.create_repository(repositoryName="guarded/app")
    yield "guarded/app"
    ecr.delete_repository(repositoryName="guarded/app", force=True)


def test_nobody_comes_in_without_a_password(door: Any, repository: str) -> None:
    for path in ("/v2/", f"/v2/{repository}/tags/list", f"/v2/{repository}/manifests/v1"):
        for wrong in ("", base64.b64encode(b"AWS:guess").decode(), base64.b64encode(b"no colon").decode(), "%"):
            status, headers, content = door("GET", path, wrong)
            assert status == 401
            assert headers["WWW-Authenticate"].startswith('Basic realm="http://')
            assert content["errors"][0]["code"] == "UNAUTHORIZED"


def test_a_password_is_its_owners(door: Any, secured: Any, repository: str) -> None:
    own = token(secured.client("ecr"))
    assert door("GET", "/v2/", own)[0] == 200
    assert push(door, f"/v2/{repository}", own) == (201, b"")
    other = base64.b64encode(b"root" + base64.b64decode(own)[3:]).decode()
    assert door("GET", "/v2/", other)[0] == 401


def test_each_step_needs_the_permission_of_the_api(door: Any, secured: Any, user: Any, repository: str) -> None:
    arn = f"arn:aws:ecr:us-east-1:{ROOT}:repository/{repository}"
    everywhere = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
    pulls = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    pushes = ["InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage"]
    credentials = user("puller", everywhere, {"Effect": "Allow", "Action": pulls, "Resource": arn})
    assert push(door, f"/v2/{repository}", token(secured.client("ecr"))) == (201, b"")
    puller = token(secured.client("ecr", credentials))
    assert door("GET", f"/v2/{repository}/manifests/v1", puller)[0] == 200
    assert door("GET", f"/v2/{repository}/blobs/{digest(LAYER)}", puller)[2] == LAYER
    status, content = push(door, f"/v2/{repository}", puller)
    told = f"User: arn:aws:iam::{ROOT}:user/puller is not authorized to perform: ecr:InitiateLayerUpload on resource: "
    assert (status, content["errors"][0]["code"]) == (403, "DENIED")
    assert content["errors"][0]["message"].startswith(told + arn)
    for number in range(1, len(pushes)):
        allowed = [f"ecr:{each}" for each in pushes[:number] if each != "UploadLayerPart"]
        user.allow("puller", everywhere, {"Effect": "Allow", "Action": allowed, "Resource": arn})
        status, content = push(door, f"/v2/{repository}", puller)
        missing = next(each for each in pushes[number:] if each != "UploadLayerPart")
        assert status == 403
        assert f"perform: ecr:{missing} on" in content["errors"][0]["message"]
    user.allow("puller", everywhere, {"Effect": "Allow", "Action": "ecr:*", "Resource": arn})
    assert push(door, f"/v2/{repository}", puller)[0] == 201
    assert push(door, "/v2/guarded/other", puller)[0] == 403


def test_another_account_pulls_what_the_repositorys_policy_lets_it(
    door: Any, secured: Any, keys: Any, repository: str
) -> None:
    owner = secured.client("ecr")
    assert push(door, f"/v2/{repository}", token(owner)) == (201, b"")
    stranger = secured.client("ecr", keys("777777777777"))
    path = f"/v2/{ROOT}.dkr.ecr.us-east-1/{repository}"
    asked = {"registryId": ROOT, "repositoryName": repository, "imageIds": [{"imageTag": "v1"}]}
    assert door("GET", f"{path}/manifests/v1", token(stranger))[0] == 403
    with pytest.raises(stranger.exceptions.ClientError) as caught:
        stranger.batch_get_image(**asked)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    principal = {"AWS": "arn:aws:iam::777777777777:root"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "ecr:BatchGetImage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    owner.set_repository_policy(repositoryName=repository, policyText=policy)
    assert door("GET", f"{path}/manifests/v1", token(stranger))[0] == 200
    assert len(stranger.batch_get_image(**asked)["images"]) == 1
    assert door("GET", f"{path}/blobs/{digest(LAYER)}", token(stranger))[0] == 403


def test_a_link_to_a_layer_needs_no_password_and_opens_nothing_else(door: Any, secured: Any, repository: str) -> None:
    ecr = secured.client("ecr")
    assert push(door, f"/v2/{repository}", token(ecr)) == (201, b"")
    given = ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=digest(LAYER))["downloadUrl"]
    place = urlsplit(given)
    assert door("GET", f"{place.path}?{place.query}")[2] == LAYER
    other = place.path.replace(digest(LAYER), digest(b"{}"))
    assert door("GET", f"{other}?{place.query}")[0] == 403
    for path in (f"/v2/{repository}/manifests/v1", f"/v2/{repository}/tags/list", "/v2/", "/v2/_catalog"):
        assert door("GET", f"{path}?{place.query}")[0] == 401
