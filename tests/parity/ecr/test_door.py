"""The registry's door, byte by byte (OCI distribution specification)."""

from collections.abc import Callable

import pytest

from .conftest import INDEX, OCI, Door, Image, digest


def test_whoever_asks_finds_the_registry(door: Door) -> None:
    answer = door("GET", "/v2/")
    assert (answer.status, answer.json) == (200, {})
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


def test_a_layer_that_was_pushed_is_pulled(door: Door, repository: str) -> None:
    data = b"layer" * 1000
    assert door.blob(repository, digest(data), "HEAD").status == 404
    made = door.upload(repository, data)
    assert made.headers["Docker-Content-Digest"] == digest(data)
    head = door.blob(repository, digest(data), "HEAD")
    assert (head.status, head.headers["Content-Length"], head.body) == (200, "5000", b"")
    assert door.blob(repository, digest(data)).body == data


def test_a_manifest_is_pulled_by_tag_and_by_digest(door: Door, repository: str) -> None:
    image = Image()
    door.push(repository, image, "v1")
    for reference in ("v1", image.digest):
        answer = door.manifest(repository, reference)
        assert (answer.status, answer.body) == (200, image.manifest)
        assert answer.headers["Docker-Content-Digest"] == image.digest
        assert answer.headers["Content-Type"] == image.media_type
        assert door.manifest(repository, reference, "HEAD").headers["Content-Length"] == str(len(image.manifest))


def test_nothing_is_pushed_to_a_repository_that_is_not_there(door: Door, account: str) -> None:
    text = f"The repository with name 'nowhere' does not exist in the registry with id '{account}'"
    assert door.begin("nowhere").error == (404, "NAME_UNKNOWN", text)


def test_tags_come_in_pages(door: Door, repository: str) -> None:
    image = Image()
    for tag in ("a", "b", "c"):
        door.push(repository, image, tag)
    path = f"{door.path(repository)}/tags/list"
    name = f"{door.registry}/{repository}"
    assert door("GET", path).json == {"name": name, "tags": ["a", "b", "c"]}
    first = door("GET", f"{path}?n=2")
    assert first.json["tags"] == ["a", "b"]
    assert first.headers["Link"] == f'<{path}?n=2&last=b>; rel="next"'
    assert door("GET", f"{path}?n=2&last=b").json["tags"] == ["c"]
    assert door("GET", f"{path}?n=-1").error[:2] == (400, "PAGINATION_NUMBER_INVALID")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", OCI),
        (b"{", OCI),
        (b"[]", OCI),
        (b"\xff\xfe", OCI),
        (b'{"schemaVersion": 1}', "application/vnd.docker.distribution.manifest.v1+json"),
        (b'{"schemaVersion": 2}', OCI),
        (b'{"schemaVersion": 2, "mediaType": "x", "layers": []}', OCI),
        (b'{"schemaVersion": 2, "config": {}, "layers": []}', OCI),
        (b'{"schemaVersion": 2, "manifests": [7]}', INDEX),
        (b"[" * 100_000, OCI),
    ],
)
def test_what_is_no_manifest_is_refused(door: Door, repository: str, body: bytes, kind: str) -> None:
    answer = door("PUT", f"{door.path(repository)}/manifests/v1", body, Content_Type=kind)
    assert answer.error[:2] == (400, "MANIFEST_INVALID")


def test_a_manifest_has_a_size_and_a_digest(door: Door, repository: str) -> None:
    path = f"{door.path(repository)}/manifests"
    assert door("PUT", f"{path}/v1", b" " * (4 * 1024 * 1024 + 1)).error[:2] == (413, "SIZE_INVALID")
    image = Image()
    answer = door("PUT", f"{path}/{digest(b'another')}", image.manifest, Content_Type=OCI)
    assert answer.error[:2] == (400, "DIGEST_INVALID")
    assert door("PUT", f"{path}/-no-tag", image.manifest, Content_Type=OCI).error[:2] == (400, "TAG_INVALID")


def test_nothing_is_deleted_through_the_door(door: Door, repository: str) -> None:
    image = Image()
    door.push(repository, image, "v1")
    for path in (f"manifests/{image.digest}", "manifests/v1", f"blobs/{digest(image.config)}"):
        assert door("DELETE", f"{door.path(repository)}/{path}").error[:2] == (405, "UNSUPPORTED")
    assert door.manifest(repository, "v1").status == 200


def test_a_registry_lists_its_repositories(endpoint: str, account: str, make: Callable[..., str]) -> None:
    names = [make(f"list/r{number}") for number in range(3)]
    door = Door(endpoint, "", {"Host": f"{account}.dkr.ecr.us-east-1.localhost"})
    assert door("GET", "/v2/_catalog").json == {"repositories": names}
    assert door("GET", "/v2/_catalog?n=2").headers["Link"] == '</v2/_catalog?n=2&last=list/r1>; rel="next"'


def test_pages_of_other_sites_do_not_push(door: Door, repository: str) -> None:
    path = f"{door.path(repository)}/blobs/uploads/"
    assert door("POST", path, Origin="https://elsewhere.example").status == 403
    assert door("POST", path, Origin="http://localhost:3000").status == 202


def test_what_is_not_the_registrys_goes_to_the_other_services(door: Door) -> None:
    answer = door("GET", "/v2/apis")
    assert "Docker-Distribution-Api-Version" not in answer.headers
    assert "items" in answer.json
