"""The registry's door, byte by byte (OCI distribution specification)."""

from .conftest import Door, Image, digest


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
