"""skopeo, a client that is not ours, pushes and pulls an OCI layout: with a password, and without where nobody asks."""

import base64
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

pytestmark = pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo isn't installed: apt-get install skopeo")

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image of two layers, as `oci:FOLDER:v1`."""
    folder = tmp_path_factory.mktemp("layout")
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def keep(data: bytes, media_type: str) -> dict[str, Any]:
        name = hashlib.sha256(data).hexdigest()
        (blobs / name).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(data)}

    archives = [_tar(f"file-{number}", os.urandom(400_000)) for number in range(2)]
    layers = [keep(gzip.compress(each), LAYER) for each in archives]
    rootfs = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(each).hexdigest()}" for each in archives]}
    content = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["h.handler"]}, "rootfs": rootfs}
    config = keep(json.dumps(content).encode(), CONFIG)
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
    kept = keep(json.dumps(manifest).encode(), MANIFEST)
    kept["annotations"] = {"org.opencontainers.image.ref.name": "v1"}
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [kept]}))
    return folder


def _tar(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def skopeo(*arguments: str, fails: bool = False) -> str:
    """What it says."""
    done = subprocess.run(["skopeo", *arguments], capture_output=True, text=True, timeout=120)
    assert (done.returncode != 0) is fails, done.stderr
    return done.stderr if fails else done.stdout


def blobs(layout: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (layout / "blobs" / "sha256").iterdir()}


def test_an_image_is_pushed_and_pulled_as_it_was(ecr: Any, repository: str, layout: Path, tmp_path: Path) -> None:
    uri = ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]["repositoryUri"]
    skopeo("copy", "--dest-tls-verify=false", f"oci:{layout}:v1", f"docker://{uri}:v1")
    skopeo("copy", "--src-tls-verify=false", f"docker://{uri}:v1", f"oci:{tmp_path}/back:v1")
    assert blobs(tmp_path / "back") == blobs(layout)
    seen = json.loads(skopeo("inspect", "--tls-verify=false", f"docker://{uri}:v1"))
    assert seen["RepoTags"] == ["v1"]
    [image] = ecr.describe_images(repositoryName=repository)["imageDetails"]
    assert image["imageDigest"] == seen["Digest"]


def test_docker_s_own_format_is_taken_as_well(ecr: Any, repository: str, layout: Path) -> None:
    uri = ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]["repositoryUri"]
    skopeo("copy", "--format", "v2s2", "--dest-tls-verify=false", f"oci:{layout}:v1", f"docker://{uri}:v2s2")
    [image] = ecr.describe_images(repositoryName=repository)["imageDetails"]
    assert image["imageManifestMediaType"] == "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture(scope="module")
def guarded(platforms: Any) -> Iterator[Any]:
    """An ECR client of the root of a server that asks for passwords."""
    running = platforms("--ephemeral", "--auth", "on")
    found = dict(re.findall(r"export (AWS_\w+)=(\S+)", running.banner))
    client = boto3.client(
        "ecr",
        endpoint_url=running.endpoint,
        region_name="us-east-1",
        aws_access_key_id=found["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=found["AWS_SECRET_ACCESS_KEY"],
    )
    yield client
    client.close()
    assert running.stop() == 0, running.said()


def test_docker_login_s_password_opens_the_door(guarded: Any, layout: Path, tmp_path: Path) -> None:
    uri = guarded.create_repository(repositoryName="guarded/app")["repository"]["repositoryUri"]
    target = ["--dest-tls-verify=false", f"oci:{layout}:v1", f"docker://{uri}:v1"]
    assert "unauthorized" in skopeo("copy", "--dest-no-creds", *target, fails=True)
    token = guarded.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    password = base64.b64decode(token).decode()
    assert password.startswith("AWS:")
    skopeo("copy", "--dest-creds", password, *target)
    back = f"oci:{tmp_path}/back:v1"
    skopeo("copy", "--src-creds", password, "--src-tls-verify=false", f"docker://{uri}:v1", back)
    assert blobs(tmp_path / "back") == blobs(layout)
