"""Browsers: pages of other sites, and uploads by forms (facts/s3.md §3.4, §10)."""

import re
import uuid

import pytest

CORS = {
    "CORSRules": [
        {
            "AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["https://*.example.com"], "AllowedHeaders": ["x-*"],
            "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 60,
        },
        {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]},
    ]
}  # fmt: skip


@pytest.fixture
def shared(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=CORS)
    return bucket


def test_a_preflight_is_answered_by_the_first_rule_that_fits(shared, raw):
    asked = {
        "Origin": "https://a.example.com", "Access_Control_Request_Method": "PUT",
        "Access_Control_Request_Headers": "X-One, x-two",
    }  # fmt: skip
    status, headers, _ = raw("OPTIONS", f"/{shared}/k", **asked)
    assert status == 200
    assert headers["access-control-allow-origin"] == "https://a.example.com"
    assert headers["access-control-allow-methods"] == "GET, PUT"
    assert headers["access-control-allow-headers"] == "x-one, x-two"
    assert (headers["access-control-expose-headers"], headers["access-control-max-age"]) == ("ETag", "60")
    assert headers["access-control-allow-credentials"] == "true"
    assert headers["vary"] == "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


@pytest.mark.parametrize(
    "asked",
    [
        {"Origin": "https://other.com", "Access_Control_Request_Method": "PUT"},
        {"Origin": "https://a.example.com", "Access_Control_Request_Method": "DELETE"},
        {
            "Origin": "https://a.example.com", "Access_Control_Request_Method": "PUT",
            "Access_Control_Request_Headers": "content-type",
        },
    ],
)  # fmt: skip
def test_what_no_rule_allows_is_refused(shared, raw, asked):
    status, headers, body = raw("OPTIONS", f"/{shared}/k", **asked)
    assert status == 403 and b"<Code>AccessForbidden</Code>" in body
    assert "access-control-allow-origin" not in headers


def test_preflights_without_rules_or_origin(bucket, raw):
    assert b"CORS is not enabled for this bucket" in raw("OPTIONS", f"/{bucket}/k", Origin="https://a.com")[2]
    assert b"Origin request header needed" in raw("OPTIONS", f"/{bucket}/k")[2]
    found = raw("OPTIONS", "/k", Host="none-such.s3.localhost", Origin="https://a.com")
    assert b"CORSResponse: Bucket not found" in found[2]


def test_an_answer_may_be_read_by_the_pages_that_a_rule_names(shared, raw):
    status, headers, body = raw("GET", f"/{shared}/k", Origin="https://a.example.com")
    assert (status, body, headers["access-control-allow-origin"]) == (200, b"x", "https://a.example.com")
    status, headers, _ = raw("GET", f"/{shared}/k", Origin="https://elsewhere.com")
    assert (status, headers["access-control-allow-origin"]) == (200, "*")
    assert raw("PUT", f"/{shared}/k", b"y", Origin="https://elsewhere.com")[0] == 403
    missing = raw("GET", f"/{shared}/none", Origin="https://elsewhere.com")
    assert (missing[0], missing[1]["access-control-allow-origin"]) == (404, "*")


@pytest.fixture
def post(raw):
    """Sends a form: fields, then the file."""

    def post(path, fields, file=b"hello", filename="f.txt"):
        boundary = uuid.uuid4().hex
        head = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        )
        head += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n'
        body = head.encode() + file + f"\r\n--{boundary}--\r\n".encode()
        return raw("POST", path, body, Content_Type=f"multipart/form-data; boundary={boundary}")

    return post


def test_whoever_has_a_presigned_form_uploads_what_its_conditions_allow(s3, bucket, post):
    made = s3.generate_presigned_post(
        bucket, "up/${filename}", Fields={"Content-Type": "text/plain", "x-amz-meta-a": "1"},
        Conditions=[
            {"Content-Type": "text/plain"}, ["starts-with", "$x-amz-meta-a", ""], ["content-length-range", 1, 9],
        ],
        ExpiresIn=100 * 86_400,  # other tests move the platform's clock
    )  # fmt: skip
    status, headers, body = post(f"/{bucket}", made["fields"])
    assert (status, body) == (204, b"") and headers["etag"]
    got = s3.get_object(Bucket=bucket, Key="up/f.txt")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"hello", "text/plain", {"a": "1"})
    status, _, body = post(f"/{bucket}", made["fields"], file=b"more than nine")
    assert status == 400 and b"<Code>EntityTooLarge</Code>" in body
    assert b"<Code>EntityTooSmall</Code>" in post(f"/{bucket}", made["fields"], file=b"")[2]
    status, _, body = post(f"/{bucket}", {**made["fields"], "acl": "private"})
    assert (status, b"Invalid according to Policy: Extra input fields: acl" in body) == (403, True)
    status, _, body = post(f"/{bucket}", {**made["fields"], "Content-Type": "a/b"})
    assert status == 403 and re.search(rb"Policy Condition failed: ", body)
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["up/f.txt"]


def test_how_a_form_is_answered(s3, bucket, post):
    status, headers, body = post(f"/{bucket}", {"key": "a b", "success_action_status": "201"})
    assert status == 201 and headers["location"].endswith(f"/{bucket}/a%20b")
    assert b"<PostResponse><Location>" in body and f"<Bucket>{bucket}</Bucket><Key>a b</Key>".encode() in body
    assert post(f"/{bucket}", {"key": "k", "success_action_status": "200"})[0] == 200
    assert post(f"/{bucket}", {"key": "k", "success_action_status": "999"})[0] == 204


def test_a_large_file_in_a_form(s3, bucket, post):
    """It streams: a form isn't held in memory."""
    file = bytes(range(256)) * 100_000
    assert post(f"/{bucket}", {"key": "big"}, file=file)[0] == 204
    assert s3.get_object(Bucket=bucket, Key="big")["Body"].read() == file


def test_forms_that_cannot_be(bucket, raw, post):
    assert b"must contain a field named 'key'." in post(f"/{bucket}", {})[2]
    broken = raw("POST", f"/{bucket}", b"no", Content_Type="multipart/form-data; boundary=x")
    assert broken[0] == 400
    assert raw("POST", f"/{bucket}", b"no", Content_Type="multipart/form-data")[0] == 412
    assert post("/none-such-bucket", {"key": "k"})[0] == 404
