"""What the API says of images that came through the door, and of those put by itself."""

from typing import Any

from .conftest import DOCKER, INDEX, OCI, Door, Image, digest, index_of


def test_a_pushed_image_is_there_for_the_api(ecr: Any, door: Door, repository: str) -> None:
    image = Image()
    door.push(repository, image, "v1")
    [found] = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "v1"}])["images"]
    assert found["imageId"] == {"imageDigest": image.digest, "imageTag": "v1"}
    assert found["imageManifest"].encode() == image.manifest
    assert found["imageManifestMediaType"] == OCI
    [described] = ecr.describe_images(repositoryName=repository)["imageDetails"]
    assert described["imageDigest"] == image.digest
    assert described["imageTags"] == ["v1"]
    assert described["imageSizeInBytes"] == 5000
    assert described["imageStatus"] == "ACTIVE"


def test_an_image_is_put_by_the_api_alone(ecr: Any, repository: str) -> None:
    image = Image(media_type=DOCKER)
    for blob in image.blobs:
        begun = ecr.initiate_layer_upload(repositoryName=repository)
        assert begun["partSize"] == 10 * 1024 * 1024
        place = {"repositoryName": repository, "uploadId": begun["uploadId"]}
        answer = ecr.upload_layer_part(**place, partFirstByte=0, partLastByte=len(blob) - 1, layerPartBlob=blob)
        assert answer["lastByteReceived"] == len(blob) - 1
        assert ecr.complete_layer_upload(**place, layerDigests=[digest(blob)])["layerDigest"] == digest(blob)
    put = ecr.put_image(repositoryName=repository, imageManifest=image.manifest.decode(), imageTag="latest")["image"]
    assert put["imageId"] == {"imageDigest": image.digest, "imageTag": "latest"}
    assert put["imageManifestMediaType"] == DOCKER


def test_an_index_needs_its_images(ecr: Any, door: Door, repository: str) -> None:
    one, other = Image(), Image()
    index = index_of(one, other)
    door.push(repository, one)
    assert door.put(repository, index, "multi").error[:2] == (400, "MANIFEST_BLOB_UNKNOWN")
    door.push(repository, other)
    assert door.put(repository, index, "multi").status == 201
    assert door.manifest(repository, "multi").headers["Content-Type"] == INDEX


def tags(ecr: Any, repository: str) -> dict[str, list[str]]:
    """Digest -> its tags."""
    found = ecr.describe_images(repositoryName=repository)["imageDetails"]
    return {each["imageDigest"]: each.get("imageTags", []) for each in found}


def test_a_tag_moves_to_the_image_pushed_last(ecr: Any, door: Door, repository: str) -> None:
    one, other = Image(), Image()
    door.push(repository, one, "latest")
    door.push(repository, other, "latest")
    assert tags(ecr, repository) == {one.digest: [], other.digest: ["latest"]}
    untagged = ecr.list_images(repositoryName=repository, filter={"tagStatus": "UNTAGGED"})["imageIds"]
    assert untagged == [{"imageDigest": one.digest}]
    assert door.put(repository, one, "v1").status == 201
    assert tags(ecr, repository) == {one.digest: ["v1"], other.digest: ["latest"]}


def test_the_same_image_under_the_same_tag_is_refused_by_the_api_and_taken_by_the_door(
    ecr: Any, door: Door, account: str, repository: str, refused: Any
) -> None:
    image = Image()
    door.push(repository, image, "v1")
    assert door.put(repository, image, "v1").status == 201
    text = f"Image with digest '{image.digest}' and tag 'v1' already exists in the repository with name '{repository}' "
    text += f"in registry with id '{account}'"
    put = {"repositoryName": repository, "imageManifest": image.manifest.decode(), "imageTag": "v1"}
    assert refused(ecr.put_image, **put) == ("ImageAlreadyExistsException", text)


def test_immutable_tags_stay_but_for_those_excepted(ecr: Any, door: Door, make: Any, refused: Any) -> None:
    exclusions = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    repository = make(
        "fixed", imageTagMutability="IMMUTABLE_WITH_EXCLUSION", imageTagMutabilityExclusionFilters=exclusions
    )
    one, other = Image(), Image()
    for tag in ("v1", "dev-1"):
        door.push(repository, one, tag)
    door.push(repository, other)
    text = f"The image tag 'v1' already exists in the '{repository}' repository and cannot be overwritten because the "
    text += "tag is immutable."
    assert door.put(repository, other, "v1").error == (400, "TAG_INVALID", text)
    put = {"repositoryName": repository, "imageManifest": other.manifest.decode()}
    assert refused(ecr.put_image, **put, imageTag="v1") == ("ImageTagAlreadyExistsException", text)
    assert door.put(repository, other, "dev-1").status == 201
    ecr.put_image_tag_mutability(repositoryName=repository, imageTagMutability="MUTABLE")
    assert door.put(repository, other, "v1").status == 201
    assert tags(ecr, repository) == {one.digest: [], other.digest: ["dev-1", "v1"]}


def test_an_image_is_deleted_with_its_last_tag_or_by_its_digest(ecr: Any, door: Door, repository: str) -> None:
    image = Image()
    for tag in ("a", "b"):
        door.push(repository, image, tag)
    delete = lambda **id: ecr.batch_delete_image(repositoryName=repository, imageIds=[id])  # noqa: E731
    assert delete(imageTag="a")["imageIds"] == [{"imageDigest": image.digest, "imageTag": "a"}]
    assert tags(ecr, repository) == {image.digest: ["b"]}
    assert delete(imageTag="b")["imageIds"] == [{"imageDigest": image.digest, "imageTag": "b"}]
    assert tags(ecr, repository) == {}
    assert door.manifest(repository, image.digest).error[:2] == (404, "MANIFEST_UNKNOWN")
    for tag in ("", "c", "d"):
        door.put(repository, image, tag)
    gone = delete(imageDigest=image.digest)["imageIds"]
    assert gone == [{"imageDigest": image.digest, "imageTag": tag} for tag in ("c", "d")]


def test_what_cannot_be_deleted_is_told_one_by_one(ecr: Any, door: Door, repository: str) -> None:
    image, other = Image(), Image()
    index = index_of(image)
    door.push(repository, image, "one")
    door.push(repository, other, "other")
    door.put(repository, index, "list")
    ids = [
        {"imageDigest": image.digest},
        {"imageTag": "nothing"},
        {"imageDigest": image.digest, "imageTag": "other"},
        {"imageDigest": "sha256:12"},
        {},
    ]
    answer = ecr.batch_delete_image(repositoryName=repository, imageIds=ids)
    assert answer["imageIds"] == []
    assert [each["failureCode"] for each in answer["failures"]] == [
        "ImageReferencedByManifestList",
        "ImageNotFound",
        "ImageTagDoesNotMatchDigest",
        "InvalidImageDigest",
        "MissingDigestAndTag",
    ]
    told = f"Requested image referenced by manifest list: [{index.digest}]"
    assert answer["failures"][0]["failureReason"] == told
    assert len(tags(ecr, repository)) == 3
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "list"}])
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": image.digest}])
    assert tags(ecr, repository) == {other.digest: ["other"]}


def test_images_are_asked_for_by_their_media_type(ecr: Any, door: Door, repository: str) -> None:
    image = Image()
    door.push(repository, image, "v1")
    ask = {"repositoryName": repository, "imageIds": [{"imageTag": "v1"}, {"imageTag": "v2"}]}
    answer = ecr.batch_get_image(**ask, acceptedMediaTypes=[OCI, DOCKER])
    assert [each["imageId"]["imageDigest"] for each in answer["images"]] == [image.digest]
    assert [each["failureCode"] for each in answer["failures"]] == ["ImageNotFound"]
    assert ecr.batch_get_image(**ask, acceptedMediaTypes=[DOCKER])["images"] == []


def test_images_come_in_pages(ecr: Any, door: Door, repository: str) -> None:
    shared = Image()
    door.push(repository, shared)
    made = {shared.digest}
    for number in range(6):
        image = Image(*shared.layers, annotations={"number": str(number)})
        door.upload(repository, image.config)
        assert door.put(repository, image, f"t{number}" if number % 2 else "").status == 201
        made.add(image.digest)
    for operation, member in (("describe_images", "imageDetails"), ("list_images", "imageIds")):
        pages = list(ecr.get_paginator(operation).paginate(repositoryName=repository, PaginationConfig={"PageSize": 3}))
        assert [len(page[member]) for page in pages] == [3, 3, 1]
        assert {each["imageDigest"] for page in pages for each in page[member]} == made
    tagged = {"repositoryName": repository, "filter": {"tagStatus": "TAGGED"}}
    pages = list(ecr.get_paginator("describe_images").paginate(**tagged, PaginationConfig={"PageSize": 2}))
    assert [len(page["imageDetails"]) for page in pages] == [2, 1]


def test_an_image_that_lacks_layers_is_refused(
    ecr: Any, door: Door, account: str, repository: str, refused: Any
) -> None:
    image = Image(b"only layer")
    text = f"Layers with digests '[{digest(image.config)}, {digest(b'only layer')}]' required for pushing image into "
    text += f"repository with name '{repository}' in the registry with id '{account}' do not exist"
    put = {"repositoryName": repository, "imageManifest": image.manifest.decode(), "imageTag": "v1"}
    assert refused(ecr.put_image, **put) == ("LayersNotFoundException", text)
    assert door.put(repository, image, "v1").error == (400, "MANIFEST_BLOB_UNKNOWN", text)


def test_what_is_no_manifest_is_refused(ecr: Any, door: Door, repository: str, refused: Any) -> None:
    text = "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
    answer = refused(ecr.put_image, repositoryName=repository, imageManifest="{")
    assert answer == ("InvalidParameterException", text)
    other = digest(b"another")
    wrong = {"repositoryName": repository, "imageManifest": Image().manifest.decode(), "imageDigest": other}
    assert refused(ecr.put_image, **wrong)[0] == "ImageDigestDoesNotMatchException"


def test_what_is_said_about_an_image_is_found(ecr: Any, door: Door, repository: str) -> None:
    image = Image()
    door.push(repository, image, "v1")
    said = {"artifactType": "application/x-signature", "annotations": {"a": "b"}}
    signature = Image(b"signed", subject=image.described, **said)
    for blob in signature.blobs:
        door.upload(repository, blob)
    assert door.put(repository, signature).headers["OCI-Subject"] == image.digest
    wanted = {**signature.described, **said}
    path = f"{door.path(repository)}/referrers/{image.digest}"
    assert door("GET", path).json["manifests"] == [wanted]
    assert door("GET", f"{path}?artifactType=other").json["manifests"] == []
    [found] = ecr.list_image_referrers(repositoryName=repository, subjectId={"imageDigest": image.digest})["referrers"]
    assert (found["digest"], found["artifactType"]) == (signature.digest, "application/x-signature")
