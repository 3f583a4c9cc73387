"""Bytes and text (facts/apigateway.md §5, contentHandling)."""

import base64
import gzip
import zlib

import pytest

from samovar.services.apigateway.plane import content
from samovar.services.apigateway.plane.content import Media, NotBase64

PICTURE = b"\x89PNG\xff"


@pytest.mark.parametrize(
    ("types", "header", "binary"),
    [
        ([], "image/png", False),
        (["image/png"], "image/png", True),
        (["image/png"], "Image/PNG; q=1, text/html", True),
        (["image/png"], "text/html, image/png", False),
        (["image/*"], "image/webp", True),
        (["image/*"], "imagex/webp", False),
        (["*/*"], "", True),
        (["image/png"], "", False),
    ],
)
def test_the_first_type_counts(types, header, binary):
    assert Media(types).is_binary(header) is binary


def test_a_request_body_is_converted_as_asked():
    encoded = base64.b64encode(PICTURE)
    assert content.request_body(PICTURE, True, "") == (PICTURE, True)
    assert content.request_body(PICTURE, True, "CONVERT_TO_TEXT") == (encoded, False)
    assert content.request_body(encoded, False, "CONVERT_TO_BINARY") == (PICTURE, True)
    assert content.request_body(b"text", False, "CONVERT_TO_TEXT") == (b"text", False)
    with pytest.raises(NotBase64):
        content.request_body(b"%%", False, "CONVERT_TO_BINARY")


def test_a_response_body_is_converted_for_what_the_client_accepts():
    encoded = base64.b64encode(PICTURE)
    assert content.response_body(PICTURE, True, False, "") == encoded
    assert content.response_body(PICTURE, True, True, "") == PICTURE
    assert content.response_body(PICTURE, True, True, "CONVERT_TO_TEXT") == encoded
    assert content.response_body(encoded, False, False, "CONVERT_TO_BINARY") == PICTURE
    assert content.response_body(b"text", False, True, "") == b"text"


def test_a_body_is_compressed_as_the_client_accepts_it():
    assert gzip.decompress(content.compress(b"x" * 100, "br, gzip;q=0.5")[0]) == b"x" * 100
    assert zlib.decompress(content.compress(b"x" * 100, "deflate")[0]) == b"x" * 100
    assert content.compress(b"x", "br") is None
    assert content.compress(b"x", "") is None


def test_a_compressed_request_is_opened_but_never_beyond_the_limit():
    assert content.decompress(gzip.compress(b"hello"), "gzip") == b"hello"
    assert content.decompress(b"hello", "identity") == b"hello"
    assert content.decompress(b"hello", "gzip") is None
    assert content.decompress(gzip.compress(b"hello")[:-4], "gzip") is None
    assert content.decompress(gzip.compress(bytes(content.LARGEST + 1)), "gzip") is None
