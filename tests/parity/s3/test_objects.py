"""Objects: what is put comes back, whole or in ranges, on conditions (facts/s3.md §0, §4)."""

import hashlib
import os
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest


def test_an_object_comes_back_with_what_it_was_given(s3, bucket):
    put = s3.put_object(
        Bucket=bucket, Key="a/b c+d.txt", Body=b"hello", ContentType="text/plain", Metadata={"Who": "me"},
        CacheControl="no-store", ContentLanguage="de", Tagging="a=1&b=2",
    )  # fmt: skip
    got = s3.get_object(Bucket=bucket, Key="a/b c+d.txt")
    assert got["Body"].read() == b"hello"
    assert put["ETag"] == got["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert (got["ContentType"], got["CacheControl"], got["ContentLanguage"]) == ("text/plain", "no-store", "de")
    assert (got["Metadata"], got["TagCount"], got["ServerSideEncryption"]) == ({"who": "me"}, 2, "AES256")
    assert "VersionId" not in put
    head = s3.head_object(Bucket=bucket, Key="a/b c+d.txt")
    assert (head["ContentLength"], head["AcceptRanges"], head["ETag"]) == (5, "bytes", got["ETag"])


@pytest.mark.parametrize("key", ["/", "//", "a//b", "./a", "a/../b", "a/", "ä/ö ü", "%41", "a+b", "a?b#c&d=e", "💥"])
def test_every_byte_of_a_key_counts(s3, bucket, key):
    """Path segments `.` and `..`, double slashes, leading slashes and percent signs are significant."""
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 3_000_000])
def test_objects_of_any_size(s3, bucket, size):
    """Small ones are kept with their row, large ones in files; nobody sees a difference."""
    body = os.urandom(size)
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body
    if size:
        assert s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={size - 1}-")["Body"].read() == body[-1:]


@pytest.mark.parametrize(
    ("range_", "body", "told"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-100", b"0123456789", "bytes 0-9/10"),
        ("bytes=5-100", b"56789", "bytes 5-9/10"),
        ("bytes=1-0", b"0123456789", None),
        ("bytes=-", b"0123456789", None),
        ("bytes=0-1,3-4", b"0123456789", None),
    ],
)
def test_a_range_is_answered_in_part_and_what_isnt_one_in_full(s3, bucket, range_, body, told):
    """What isn't a range is ignored."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="k", Range=range_)
    assert (got["Body"].read(), got.get("ContentRange")) == (body, told)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == (206 if told else 200)


@pytest.mark.parametrize("range_", ["bytes=100-200", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(s3, bucket, refusal, range_):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    assert refusal(s3.get_object, Bucket=bucket, Key="k", Range=range_) == (
        416, "InvalidRange", "The requested range is not satisfiable",
    )  # fmt: skip


def test_what_is_not_there(s3, bucket, refusal):
    missing = (404, "NoSuchKey", "The specified key does not exist.")
    assert refusal(s3.get_object, Bucket=bucket, Key="nope") == missing
    assert refusal(s3.head_object, Bucket=bucket, Key="nope") == (404, "404", "Not Found")
    none = (404, "NoSuchBucket", "The specified bucket does not exist")
    assert refusal(s3.get_object, Bucket=f"{bucket}-none", Key="k") == none
    assert s3.delete_object(Bucket=bucket, Key="nope")["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_an_error_is_a_document_without_a_namespace(s3, bucket, raw):
    status, headers, body = raw("GET", f"/{bucket}/nope")
    assert (status, headers["content-type"]) == (404, "application/xml")
    assert body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code>')
    assert b"<Key>nope</Key><RequestId>" in body and b"<HostId>" in body
    assert len(headers["x-amz-request-id"]) == 16 and headers["server"] == "AmazonS3"


def test_a_read_asks_for_a_tag_before_it_asks_for_a_time(s3, bucket, refusal):
    """If-Match beats If-Unmodified-Since, If-None-Match beats If-Modified-Since."""
    tag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    past, future = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=1)
    named = {"Bucket": bucket, "Key": "k"}
    assert s3.get_object(**named, IfMatch=tag.strip('"'))["Body"].read() == b"x"
    assert refusal(s3.get_object, **named, IfMatch='"no"')[:2] == (412, "PreconditionFailed")
    assert refusal(s3.get_object, **named, IfNoneMatch=tag)[0] == 304
    assert refusal(s3.get_object, **named, IfUnmodifiedSince=past)[0] == 412
    assert s3.get_object(**named, IfMatch=tag, IfUnmodifiedSince=past)["Body"].read() == b"x"
    assert s3.get_object(**named, IfModifiedSince=past)["Body"].read() == b"x"
    assert s3.get_object(**named, IfModifiedSince=future)["Body"].read() == b"x"


def test_a_write_that_expects_another_object_is_refused(s3, bucket, refusal):
    named = {"Bucket": bucket, "Key": "k", "Body": b"x"}
    assert refusal(s3.put_object, **named, IfMatch='"no"')[:2] == (404, "NoSuchKey")
    tag = s3.put_object(**named, IfNoneMatch="*")["ETag"]
    assert refusal(s3.put_object, **named, IfNoneMatch="*")[:2] == (412, "PreconditionFailed")
    assert refusal(s3.put_object, **named, IfNoneMatch=tag)[:2] == (501, "NotImplemented")
    assert refusal(s3.put_object, **named, IfMatch="*")[:2] == (501, "NotImplemented")
    assert refusal(s3.put_object, **named, IfMatch='"no"')[:2] == (412, "PreconditionFailed")
    s3.put_object(**{**named, "Body": b"y"}, IfMatch=tag)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"y"
    assert refusal(s3.delete_object, Bucket=bucket, Key="k", IfMatch=tag)[:2] == (412, "PreconditionFailed")


def test_one_of_many_writers_creates(s3, bucket, threads):
    """If-None-Match: * is a lock: exactly one of them gets it."""

    def write(number):
        try:
            s3.put_object(Bucket=bucket, Key="lock", Body=str(number).encode(), IfNoneMatch="*")
        except s3.exceptions.ClientError:
            return None
        return number

    won = [number for number in threads.map(write, range(12)) if number is not None]
    assert len(won) == 1
    assert s3.get_object(Bucket=bucket, Key="lock")["Body"].read() == str(won[0]).encode()


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums_are_made_kept_and_told(s3, bucket, algorithm):
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"123456", ChecksumAlgorithm=algorithm)
    member = f"Checksum{algorithm}"
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert put[member] == head[member] and head["ChecksumType"] == "FULL_OBJECT"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"123456"


def test_an_object_without_a_checksum_gets_crc64nvme(s3, bucket, raw):
    """facts/s3.md §4.5: `123456` -> CVmbZh4IWzA= (recorded)."""
    status, headers, _ = raw("PUT", f"/{bucket}/k", b"123456")
    assert (status, headers["x-amz-checksum-crc64nvme"]) == (200, "CVmbZh4IWzA=")


def test_damaged_uploads_are_refused(s3, bucket, refusal):
    named = {"Bucket": bucket, "Key": "k", "Body": b"x"}
    wrong = b64encode(bytes(4)).decode()
    assert refusal(s3.put_object, **named, ChecksumCRC32=wrong) == (
        400, "BadDigest", "The CRC32 you specified did not match the calculated checksum.",
    )  # fmt: skip
    assert refusal(s3.put_object, **named, ChecksumCRC32="no")[1:] == (
        "InvalidRequest", "Value for x-amz-checksum-crc32 header is invalid.",
    )  # fmt: skip
    assert refusal(s3.put_object, **named, ContentMD5=b64encode(bytes(16)).decode())[:2] == (400, "BadDigest")
    assert refusal(s3.put_object, **named, ContentMD5="no")[:2] == (400, "InvalidDigest")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_a_copy_has_the_metadata_and_tags_that_its_source_had_unless_they_are_replaced(s3, make, bucket):
    """Metadata and tags go along unless replaced; storage class and redirects don't."""
    other = make()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 70_000, Metadata={"a": "1"}, Tagging="t=1", ContentType="a/b")
    source = {"Bucket": bucket, "Key": "k"}
    s3.copy_object(Bucket=other, Key="c", CopySource=source)
    got = s3.get_object(Bucket=other, Key="c")
    assert (got["Body"].read(), got["Metadata"], got["ContentType"]) == (b"x" * 70_000, {"a": "1"}, "a/b")
    assert s3.get_object_tagging(Bucket=other, Key="c")["TagSet"] == [{"Key": "t", "Value": "1"}]
    s3.copy_object(Bucket=other, Key="d", CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"})
    assert s3.head_object(Bucket=other, Key="d")["Metadata"] == {"b": "2"}
    s3.delete_object(Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=other, Key="c")["Body"].read() == b"x" * 70_000


def test_a_copy_onto_itself_must_change_something(s3, bucket, refusal):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    named = {"Bucket": bucket, "Key": "k", "CopySource": {"Bucket": bucket, "Key": "k"}}
    assert refusal(s3.copy_object, **named)[:2] == (400, "InvalidRequest")
    s3.copy_object(**named, MetadataDirective="REPLACE", Metadata={"new": "1"})
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"new": "1"}


def test_response_headers_can_be_chosen(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    got = s3.get_object(Bucket=bucket, Key="k", ResponseContentType="a/b", ResponseContentDisposition="attachment")
    assert (got["ContentType"], got["ContentDisposition"]) == ("a/b", "attachment")


def test_metadata_beyond_ascii_comes_back_as_encoded_words(s3, bucket, raw):
    """Raw UTF-8 header bytes come back RFC 2047 encoded."""
    raw("PUT", f"/{bucket}/k", b"x", x_amz_meta_name="Jürgen".encode().decode("latin-1"))
    _, headers, _ = raw("GET", f"/{bucket}/k")
    assert headers["x-amz-meta-name"] == "=?UTF-8?Q?J=C3=BCrgen?="


def test_too_much_metadata_and_too_long_a_key(s3, bucket, refusal):
    assert refusal(s3.put_object, Bucket=bucket, Key="k", Metadata={"a": "x" * 2048})[1] == "MetadataTooLarge"
    assert refusal(s3.put_object, Bucket=bucket, Key="k" * 1025)[1] == "KeyTooLongError"


def test_uploads_in_signed_and_unsigned_chunks(s3, bucket, raw):
    """`aws-chunked` is undone, and its trailer is a checksum (facts/s3.md §3.3)."""
    body = b"6\r\n123456\r\n0\r\nx-amz-checksum-crc64nvme:CVmbZh4IWzA=\r\n\r\n"
    framing = {
        "content_encoding": "aws-chunked,gzip", "x_amz_decoded_content_length": "6",
        "x_amz_trailer": "x-amz-checksum-crc64nvme", "x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    }  # fmt: skip
    assert raw("PUT", f"/{bucket}/k", body, **framing)[0] == 200
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["ContentEncoding"]) == (b"123456", "gzip")
    damaged = body.replace(b"CVmb", b"AAAA")
    assert b"<Code>BadDigest</Code>" in raw("PUT", f"/{bucket}/k", damaged, **framing)[2]
    assert b"<Code>IncompleteBody</Code>" in raw("PUT", f"/{bucket}/k", body[:6], **framing)[2]
    signed = b"6;chunk-signature=" + b"0" * 64 + b"\r\n123456\r\n0;chunk-signature=" + b"0" * 64 + b"\r\n\r\n"
    kind = {"x_amz_content_sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "x_amz_decoded_content_length": "6"}
    assert raw("PUT", f"/{bucket}/k", signed, **kind)[0] == 200
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"123456"


def test_the_hash_of_the_body_is_held_to(s3, bucket, raw):
    status, _, body = raw("PUT", f"/{bucket}/k", b"x", x_amz_content_sha256=hashlib.sha256(b"y").hexdigest())
    assert status == 400 and b"<Code>XAmzContentSHA256Mismatch</Code>" in body


def test_whoever_has_a_presigned_url_writes_and_reads_its_object(s3, bucket, raw):
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k", "Metadata": {"a": "1"}})
    assert raw("PUT", url, b"x", x_amz_meta_a="1")[0] == 200
    got = raw("GET", s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}))
    assert (got[0], got[2], got[1]["x-amz-meta-a"]) == (200, b"x", "1")


def test_a_bucket_in_the_host_name(s3, bucket, raw, platform):
    s3.put_object(Bucket=bucket, Key="a/k", Body=b"x")
    assert raw("GET", "/a/k", Host=f"{bucket}.s3.localhost")[2] == b"x"
    assert raw("GET", "/a/k", Host=f"{bucket}.s3.us-east-1.amazonaws.com")[2] == b"x"
    assert b"<Key>a/k</Key>" in raw("GET", "/?list-type=2", Host=f"{bucket}.s3.localhost")[2]


def test_archived_objects_are_restored_first(s3, bucket, refusal):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="GLACIER")
    assert refusal(s3.get_object, Bucket=bucket, Key="k")[:2] == (403, "InvalidObjectState")
    s3.restore_object(Bucket=bucket, Key="k", RestoreRequest={"Days": 1})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert refusal(s3.put_object, Bucket=bucket, Key="k", StorageClass="NONE")[1] == "InvalidStorageClass"


def test_attributes_are_those_that_were_asked_for(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"123456")
    wanted = ["ETag", "Checksum", "ObjectSize", "StorageClass", "ObjectParts"]
    got = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=wanted)
    assert (got["ETag"], got["ObjectSize"]) == (hashlib.md5(b"123456").hexdigest(), 6)
    assert got["StorageClass"] == "STANDARD" and "ChecksumCRC32" in got["Checksum"] and "ObjectParts" not in got
