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
