"""Names and manifests of images."""

import pytest

from samovar.core.images import BadManifest, ImageName, parse_uri, read_manifest

ME = ("111111111111", "eu-west-1")
OTHER = ("123456789012", "us-east-1")
DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("uri", "wanted"),
    [
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/a/b:v1", ImageName(*OTHER, "a/b", "v1")),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com.cn/a", ImageName(*OTHER, "a")),
        ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com/a", ImageName(*OTHER, "a")),
        (f"123456789012.dkr.ecr.us-east-1.localhost:4566/a@{DIGEST}", ImageName(*OTHER, "a", "", DIGEST)),
        (f"127.0.0.1:4566/123456789012.dkr.ecr.us-east-1/a/b:v1@{DIGEST}", ImageName(*OTHER, "a/b", "v1", DIGEST)),
        ("127.0.0.1:4566/a:v1", ImageName(*ME, "a", "v1")),
        ("localhost/a", ImageName(*ME, "a")),
        ("[::1]:4566/a_b.c", ImageName(*ME, "a_b.c")),
        ("samovar:4566/a", ImageName(*ME, "a")),
        ("docker.io/library/alpine", None),
        ("alpine", None),
        ("", None),
        ("127.0.0.1:4566/", None),
        ("127.0.0.1:4566/A", None),
        ("127.0.0.1:4566/a:", None),
        ("127.0.0.1:4566/a@sha256:12", None),
    ],
)
def test_an_image_uri_names_an_image_of_this_platform_or_nothing(uri: str, wanted: ImageName | None) -> None:
    assert parse_uri(uri, *ME) == wanted


def test_a_manifest_names_a_configuration_and_layers() -> None:
    text = b'{"schemaVersion": 2, "config": {"digest": "%s", "size": 7, "mediaType": "c"}, "layers": []}'
    found = read_manifest(text % DIGEST.encode())
    assert found.media_type == "application/vnd.oci.image.manifest.v1+json"
    assert found.config is not None
    assert (found.config.digest, found.config.size, found.artifact_type) == (DIGEST, 7, "c")
    with pytest.raises(BadManifest, match="media type"):
        read_manifest(text % DIGEST.encode(), "text/plain")
