"""Multipart uploads (facts/s3.md §0.2, §0.3, §4.5, §7)."""

import hashlib
import io
import os

import pytest

MIB = 1024 * 1024


@pytest.fixture
def start(s3, bucket):
    def start(**options):
        named = {"Bucket": bucket, "Key": "k"}
        return {**named, "UploadId": s3.create_multipart_upload(**named, **options)["UploadId"]}

    return start


@pytest.fixture
def parts(s3):
    """Uploads parts and names them as CompleteMultipartUpload wants it."""

    def parts(upload, *bodies, **options):
        named = []
        for number, body in enumerate(bodies, 1):
            answer = s3.upload_part(**upload, PartNumber=number, Body=body, **options)
            checksums = {k: v for k, v in answer.items() if k == f"Checksum{options.get('ChecksumAlgorithm')}"}
            named.append({"PartNumber": number, "ETag": answer["ETag"], **checksums})
        return named

    return parts


def test_tag_and_checksum_of_an_upload_in_parts_are_those_that_aws_recorded(s3, start, parts, bucket):
    """facts/s3.md §4.5: the ETag and the composite CRC32 of three parts, recorded."""
    upload = start(ChecksumAlgorithm="CRC32")
    a = b"a" * 5_242_881
    named = parts(upload, a, a, b"a" * 10, ChecksumAlgorithm="CRC32")
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": named})
    assert done["ETag"] == '"4d45984fc3feb2ac9b22683c49674b56-3"'
    assert (done["ChecksumCRC32"], done["ChecksumType"]) == ("5FRUiw==-3", "COMPOSITE")
    assert done["Location"].endswith(f"/{bucket}/k")
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ObjectParts"])
    assert attributes["Checksum"]["ChecksumCRC32"] == "5FRUiw=="
    assert [part["Size"] for part in attributes["ObjectParts"]["Parts"]] == [5_242_881, 5_242_881, 10]


def test_the_recorded_vector_as_one_object(s3, start, parts):
    upload = start(ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    a = b"a" * 5_242_881
    named = parts(upload, a, a, b"a" * 10, ChecksumAlgorithm="CRC32")
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": named})
    assert (done["ChecksumCRC32"], done["ChecksumType"]) == ("qSEQSA==", "FULL_OBJECT")


def test_without_an_algorithm_it_is_crc64nvme_of_the_whole(s3, start, parts, bucket):
    upload = start()
    named = [
        {k: v for k, v in part.items() if k in ("PartNumber", "ETag")}
        for part in parts(
            upload,
            b"123",
        )
    ]
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": named})
    assert done["ChecksumType"] == "FULL_OBJECT" and "ChecksumCRC64NVME" in done
    assert done["ETag"] == f'"{hashlib.md5(hashlib.md5(b"123").digest()).hexdigest()}-1"'


def test_parts_can_be_read_by_number_and_range(s3, start, parts, bucket, refusal):
    first, second = os.urandom(5 * MIB), os.urandom(1000)
    upload = start(Metadata={"a": "1"})
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts(upload, first, second)})
    named = {"Bucket": bucket, "Key": "k"}
    part = s3.get_object(**named, PartNumber=2)
    assert (part["Body"].read(), part["PartsCount"], part["Metadata"]) == (second, 2, {"a": "1"})
    across = s3.get_object(**named, Range=f"bytes={5 * MIB - 10}-{5 * MIB + 9}")["Body"].read()
    assert across == first[-10:] + second[:10]
    assert refusal(s3.get_object, **named, PartNumber=3)[:2] == (416, "InvalidPartNumber")
    assert refusal(s3.get_object, **named, PartNumber=1, Range="bytes=0-1")[1] == "InvalidRequest"


def test_boto3s_transfer_manager_uploads_downloads_and_copies_in_parts(s3, bucket):
    """boto3's: concurrent parts up, concurrent ranges down."""
    body = os.urandom(18 * MIB)
    s3.upload_fileobj(io.BytesIO(body), bucket, "big", ExtraArgs={"ContentType": "a/b"})
    target = io.BytesIO()
    s3.download_fileobj(bucket, "big", target)
    assert target.getvalue() == body
    s3.copy({"Bucket": bucket, "Key": "big"}, bucket, "copy")
    assert s3.head_object(Bucket=bucket, Key="copy")["ContentLength"] == 18 * MIB


def test_what_completing_refuses(s3, start, parts, refusal):
    upload = start()
    named = parts(upload, b"small", b"last")
    complete = lambda chosen: refusal(s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": chosen})  # noqa: E731
    plain = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in named]
    assert complete(plain)[1] == "EntityTooSmall"
    assert complete(plain[::-1])[1] == "InvalidPartOrder"
    assert complete([{**plain[0], "ETag": '"no"'}])[1] == "InvalidPart"
    assert complete([{**plain[0], "PartNumber": 9}])[1] == "InvalidPart"
    assert refusal(s3.complete_multipart_upload, **upload)[1] == "MalformedXML"
    assert refusal(s3.upload_part, **upload | {"PartNumber": 10_001, "Body": b""})[1] == "InvalidArgument"


def test_uploads_are_listed_and_end(s3, bucket, start, parts, refusal):
    upload = start()
    parts(upload, b"1", b"2")
    listed = s3.list_parts(**upload, MaxParts=1)
    assert ([part["PartNumber"] for part in listed["Parts"]], listed["IsTruncated"]) == ([1], True)
    assert s3.list_parts(**upload, PartNumberMarker=1)["Parts"][0]["PartNumber"] == 2
    uploads = s3.list_multipart_uploads(Bucket=bucket)
    assert [(each["Key"], each["UploadId"]) for each in uploads["Uploads"]] == [("k", upload["UploadId"])]
    s3.abort_multipart_upload(**upload)
    missing = (404, "NoSuchUpload")
    assert refusal(s3.list_parts, **upload)[:2] == missing
    assert refusal(s3.upload_part, **upload, PartNumber=1, Body=b"")[:2] == missing
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_an_upload_completes_once(s3, start, parts, threads):
    """However many ask for it at once."""
    upload = start()
    named = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in parts(upload, b"1")]

    def complete(_):
        try:
            return s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": named})["ETag"]
        except s3.exceptions.ClientError as error:
            return error.response["Error"]["Code"]

    answers = sorted(threads.map(complete, range(8)))
    assert len(answers[0]) == 36 and answers[1:] == ["NoSuchUpload"] * 7


def test_an_upload_ends_once_and_listing_it_never_shows_it_half(s3, start, parts, threads):
    """Completed or aborted; ListParts meanwhile has all parts or no upload."""
    upload = start()
    named = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in parts(upload, b"1")]
    ways = [
        lambda: s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": named}) and "ended",
        lambda: s3.abort_multipart_upload(**upload) and "ended",
        lambda: len(s3.list_parts(**upload).get("Parts", ())),
    ]

    def ask(number):
        try:
            return ways[number % 3]()
        except s3.exceptions.ClientError as error:
            return error.response["Error"]["Code"]

    answers = list(threads.map(ask, range(24)))
    assert answers.count("ended") == 1
    assert {*answers} <= {"ended", 1, "NoSuchUpload"}


def test_a_part_is_replaced_and_the_unlisted_are_dropped(s3, bucket, start):
    upload = start()
    s3.upload_part(**upload, PartNumber=1, Body=b"old")
    new = s3.upload_part(**upload, PartNumber=1, Body=b"new")
    s3.upload_part(**upload, PartNumber=2, Body=b"dropped")
    chosen = [{"PartNumber": 1, "ETag": new["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": chosen})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"new"


def test_parts_from_other_objects(s3, bucket, start):
    s3.put_object(Bucket=bucket, Key="source", Body=b"0123456789")
    upload = start()
    source = {"Bucket": bucket, "Key": "source"}
    part = s3.upload_part_copy(**upload, PartNumber=1, CopySource=source, CopySourceRange="bytes=2-5")
    chosen = [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": chosen})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2345"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"ChecksumType": "FULL_OBJECT"}, "can only be used with the x-amz-checksum-algorithm header"),
        (
            {"ChecksumAlgorithm": "SHA1", "ChecksumType": "FULL_OBJECT"},
            "The FULL_OBJECT checksum type cannot be used with the sha1 checksum algorithm.",
        ),
        (
            {"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "COMPOSITE"},
            "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm.",
        ),
    ],
)
def test_checksums_that_cannot_be(s3, bucket, refusal, options, text):
    status, code, message = refusal(s3.create_multipart_upload, Bucket=bucket, Key="k", **options)
    assert (status, code) == (400, "InvalidRequest") and text in message
