"""Layers on their way in: in pieces, all at once, mounted, broken off, wrong, and by many at a time."""

import http.client
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .conftest import Door, digest

DEADLINE_S = 60


def arrived(door: Door, place: str) -> int:
    """How many bytes an upload has; nothing and one byte look the same."""
    answer = door("GET", place)
    assert answer.status == 204, answer.body
    return int(answer.headers["Range"].partition("-")[2]) + 1


def test_a_layer_comes_all_at_once(door: Door, repository: str) -> None:
    data = os.urandom(3_000_000)
    answer = door("POST", f"{door.path(repository)}/blobs/uploads/?digest={digest(data)}", data)
    assert (answer.status, answer.headers["Docker-Content-Digest"]) == (201, digest(data))
    assert door.blob(repository, digest(data)).body == data


def test_a_layer_comes_in_pieces_and_says_how_much_it_has(door: Door, repository: str) -> None:
    data = os.urandom(2_500_000)
    begun = door.begin(repository)
    assert (begun.status, begun.headers["Range"]) == (202, "0-0")
    place = begun.headers["Location"]
    for start in range(0, 2_000_000, 1_000_000):
        piece = data[start : start + 1_000_000]
        answer = door("PATCH", place, piece, Content_Range=f"{start}-{start + len(piece) - 1}")
        assert (answer.status, answer.headers["Range"]) == (202, f"0-{start + len(piece) - 1}")
    again = door("PATCH", place, b"x", Content_Range="5-5")
    assert (again.status, again.headers["Range"]) == (416, "0-1999999")
    assert arrived(door, place) == 2_000_000
    assert door("PUT", f"{place}?digest={digest(data)}", data[2_000_000:]).status == 201
    assert door.blob(repository, digest(data)).body == data
    assert door("GET", place).error[:2] == (404, "BLOB_UPLOAD_UNKNOWN")


def test_pieces_of_a_layer_are_read(door: Door, repository: str) -> None:
    data = os.urandom(5000)
    door.upload(repository, data)
    name = digest(data)
    for asked, wanted, told in (
        ("bytes=0-9", data[:10], "bytes 0-9/5000"),
        ("bytes=4990-", data[4990:], "bytes 4990-4999/5000"),
        ("bytes=-5", data[-5:], "bytes 4995-4999/5000"),
    ):
        answer = door.blob(repository, name, Range=asked)
        assert (answer.status, answer.body, answer.headers["Content-Range"]) == (206, wanted, told)
    beyond = door.blob(repository, name, Range="bytes=5000-")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, "bytes */5000")


def test_a_layer_that_is_not_what_it_was_said_to_be_is_refused_and_forgotten(door: Door, repository: str) -> None:
    place = door.begin(repository).headers["Location"]
    door("PATCH", place, b"something")
    wrong = digest(b"something else")
    assert door("PUT", f"{place}?digest={wrong}").error[:2] == (400, "DIGEST_INVALID")
    assert door("GET", place).status == 404
    assert door.blob(repository, wrong, "HEAD").status == 404
    assert door.blob(repository, digest(b"something"), "HEAD").status == 404


@pytest.mark.parametrize("name", ["", "sha256:abc", "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:" + "A" * 64])
def test_only_sha256_digests_are_digests(door: Door, repository: str, name: str) -> None:
    place = door.begin(repository).headers["Location"]
    assert door("PUT", f"{place}?digest={name}", b"x").error[:2] == (400, "DIGEST_INVALID")


def test_an_upload_is_given_up(door: Door, repository: str) -> None:
    place = door.begin(repository).headers["Location"]
    assert door("DELETE", place).status == 204
    assert door("PATCH", place, b"x").error[:2] == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_broken_off_upload_goes_on_where_it_was(door: Door, repository: str) -> None:
    data = os.urandom(300_000)
    place = door.begin(repository).headers["Location"]
    host, port = door.address.split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"PATCH {place} HTTP/1.1\r\nHost: {door.address}\r\nContent-Length: {len(data)}\r\n\r\n"
        connection.sendall(head.encode() + data[:200_000])
    deadline = time.monotonic() + DEADLINE_S
    while (start := arrived(door, place)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert start <= 200_000
    assert door("PUT", f"{place}?digest={digest(data)}", data[start:]).status == 201
    assert door.blob(repository, digest(data)).body == data


def test_one_request_at_a_time_writes_to_an_upload(door: Door, repository: str) -> None:
    place = door.begin(repository).headers["Location"]
    deadline = time.monotonic() + DEADLINE_S
    answer = None
    while answer is None or answer.status != 409:
        assert time.monotonic() < deadline
        connection = http.client.HTTPConnection(door.address, timeout=DEADLINE_S)
        connection.putrequest("PATCH", place)
        connection.putheader("Content-Length", "10")
        connection.endheaders(b"12345")
        while not select.select([connection.sock], [], [], 0)[0]:  # else it is the one that came second
            answer = door("PATCH", place, b"")
            if answer.status == 409:
                break
    assert answer.error[1] == "BLOB_UPLOAD_INVALID"
    connection.send(b"67890")
    first = connection.getresponse()
    assert (first.status, first.headers["Range"]) == (202, "0-9")
    connection.close()


def test_many_push_the_same_layer_at_once(door: Door, repository: str) -> None:
    data = os.urandom(1_500_000)
    ready = threading.Barrier(8)

    def push(number: int) -> int:
        place = door.begin(repository).headers["Location"]
        door("PATCH", place, data)
        ready.wait(DEADLINE_S)
        return door("PUT", f"{place}?digest={digest(data)}").status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(push, range(8))) == {201}
    assert door.blob(repository, digest(data)).body == data


def test_a_layer_of_another_repository_is_mounted(
    door: Door, repository: str, make: Callable[..., str], ecr: Any
) -> None:
    data = os.urandom(10_000)
    door.upload(repository, data)
    other = make("other")
    prefix = f"{door.registry}/" if door.registry else ""
    for number, source in enumerate((repository, f"{prefix}{repository}")):
        target = other if number == 0 else make("third")
        mounted = door.begin(target, f"?mount={digest(data)}&from={source}")
        assert mounted.status == 201
        assert door.blob(target, digest(data)).body == data
    ecr.delete_repository(repositoryName=repository, force=True)
    assert door.blob(other, digest(data)).body == data


def test_what_cannot_be_mounted_is_uploaded(door: Door, repository: str) -> None:
    answer = door.begin(repository, f"?mount={digest(b'nothing')}&from={repository}")
    assert (answer.status, answer.headers["Range"]) == (202, "0-0")


def test_what_is_uploaded_to_a_deleted_repository_is_gone(door: Door, repository: str, ecr: Any) -> None:
    place = door.begin(repository).headers["Location"]
    door("PATCH", place, b"data")
    ecr.delete_repository(repositoryName=repository, force=True)
    assert door("PUT", f"{place}?digest={digest(b'data')}").error[:2] == (404, "NAME_UNKNOWN")
    ecr.create_repository(repositoryName=repository)
    assert door("PUT", f"{place}?digest={digest(b'data')}").error[:2] == (404, "BLOB_UPLOAD_UNKNOWN")


def test_parts_of_the_api_follow_one_another(ecr: Any, repository: str, refused: Any) -> None:
    place = {"repositoryName": repository, "uploadId": ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]}
    first = os.urandom(5 * 1024 * 1024)
    ecr.upload_layer_part(**place, partFirstByte=0, partLastByte=len(first) - 1, layerPartBlob=first)
    gap = {"partFirstByte": 3, "partLastByte": 4, "layerPartBlob": b"xx"}
    assert refused(ecr.upload_layer_part, **place, **gap)[0] == "InvalidLayerPartException"
    last = {"partFirstByte": len(first), "partLastByte": len(first) + 1, "layerPartBlob": b"xx"}
    assert ecr.upload_layer_part(**place, **last)["lastByteReceived"] == len(first) + 1
    done = ecr.complete_layer_upload(**place, layerDigests=[digest(first + b"xx")])
    assert done["layerDigest"] == digest(first + b"xx")
    asked = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[done["layerDigest"]])
    [layer] = asked["layers"]
    assert (layer["layerAvailability"], layer["layerSize"]) == ("AVAILABLE", len(first) + 2)


def test_only_the_last_part_of_the_api_is_small(ecr: Any, repository: str, refused: Any) -> None:
    place = {"repositoryName": repository, "uploadId": ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]}
    ecr.upload_layer_part(**place, partFirstByte=0, partLastByte=2, layerPartBlob=b"abc")
    ecr.upload_layer_part(**place, partFirstByte=3, partLastByte=5, layerPartBlob=b"def")
    answer = refused(ecr.complete_layer_upload, **place, layerDigests=[digest(b"abcdef")])
    text = "Layer parts must be at least 5 MiB in size, other than the last part"
    assert answer == ("LayerPartTooSmallException", text)


def test_uploads_of_the_api_are_refused_by_its_names(ecr: Any, repository: str, refused: Any) -> None:
    begin = lambda: {  # noqa: E731
        "repositoryName": repository,
        "uploadId": ecr.initiate_layer_upload(repositoryName=repository)["uploadId"],
    }
    assert refused(ecr.complete_layer_upload, **begin(), layerDigests=[digest(b"")])[0] == "EmptyUploadException"
    place = begin()
    ecr.upload_layer_part(**place, partFirstByte=0, partLastByte=2, layerPartBlob=b"abc")
    assert refused(ecr.complete_layer_upload, **place, layerDigests=[digest(b"x")])[0] == "InvalidLayerException"
    assert refused(ecr.complete_layer_upload, **place, layerDigests=[digest(b"abc")])[0] == "UploadNotFoundException"
    for wanted in (None, "LayerAlreadyExistsException"):
        place = begin()
        ecr.upload_layer_part(**place, partFirstByte=0, partLastByte=2, layerPartBlob=b"abc")
        if wanted is None:
            ecr.complete_layer_upload(**place, layerDigests=[digest(b"abc")])
        else:
            assert refused(ecr.complete_layer_upload, **place, layerDigests=[digest(b"abc")])[0] == wanted


def test_a_link_to_a_layer_is_open_to_whoever_has_it(ecr: Any, door: Door, repository: str) -> None:
    door.upload(repository, b"layer")
    given = ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=digest(b"layer"))
    path = given["downloadUrl"].partition(door.address)[2]
    assert door("GET", path).body == b"layer"
    assert door("GET", path[:-3] + "xyz").status == 403
