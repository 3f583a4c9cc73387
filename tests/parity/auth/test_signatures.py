"""SigV4 as AWS verifies it (facts/iam.md §7): botocore signs, the server checks."""

import datetime
import http.client
import json
from unittest import mock
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
WHO = "Action=GetCallerIdentity&Version=2011-06-15"


def code(call, **params):
    with pytest.raises(ClientError) as error:
        call(**params)
    return error.value.response["Error"]["Code"]


class Sender:
    def __init__(self, secured):
        self.endpoint = secured.endpoint
        self.credentials = Credentials(secured.key, secured.secret)

    def signed(self, method="POST", path="/", body=WHO, headers=FORM, service="sts", skew_s=0, auth=SigV4Auth):
        request = AWSRequest(method, self.endpoint + path, dict(headers), body)
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(seconds=skew_s)
        with mock.patch("botocore.auth.get_current_datetime", return_value=now):
            auth(self.credentials, service, "us-east-1").add_auth(request)
        return request

    def send(self, request, body=None, headers=None, path=None):
        parts = urlsplit(request.url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        target = path or (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = headers if headers is not None else dict(request.headers)
        connection.request(request.method, target, body if body is not None else request.data, sent)
        response = connection.getresponse()
        content = response.read().decode()
        connection.close()
        return response.status, content


@pytest.fixture(scope="module")
def sender(secured):
    return Sender(secured)


def test_a_right_signature_is_let_in_and_any_other_is_not(sender):
    request = sender.signed()
    assert sender.send(request)[0] == 200
    status, text = sender.send(request, body=WHO + "&x=1")
    assert status == 403 and "<Code>SignatureDoesNotMatch</Code>" in text
    assert "The request signature we calculated does not match the signature you provided." in text
    assert sender.send(request, path="/?x=1")[0] == 403
    earlier = {**request.headers, "X-Amz-Date": "20260101T000000Z"}
    assert "SignatureDoesNotMatch" in sender.send(request, headers=earlier)[1]
    unsigned = {**request.headers, "X-Amz-Evil": "1"}
    assert "not signed" in sender.send(request, headers=unsigned)[1]


def test_without_a_signature_with_half_of_one_and_with_an_unknown_key(sender, secured):
    request = sender.signed()
    bare = {name: value for name, value in request.headers.items() if name != "Authorization"}
    status, text = sender.send(request, headers=bare)
    assert status == 403 and "MissingAuthenticationToken" in text and "missing Authentication Token" in text
    half = {**bare, "Authorization": "AWS4-HMAC-SHA256 SignedHeaders=host"}
    status, text = sender.send(request, headers=half)
    assert status == 400 and "IncompleteSignature" in text and "requires 'Credential' parameter" in text
    unknown = {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "x" * 40}
    assert code(secured.client("sts", unknown).get_caller_identity) == "InvalidClientTokenId"
    assert code(secured.client("lambda", unknown).list_functions) == "UnrecognizedClientException"
    assert code(secured.client("s3", unknown).list_buckets) == "InvalidAccessKeyId"
    wrong = {"AccessKeyId": secured.key, "SecretAccessKey": "x" * 40}
    assert code(secured.client("lambda", wrong).list_functions) == "InvalidSignatureException"
    assert code(secured.client("s3", wrong).list_buckets) == "SignatureDoesNotMatch"


def test_a_session_token_fits_its_own_key_only(secured):
    session = secured.client("sts").get_session_token()["Credentials"]
    assert secured.client("sts", session).get_caller_identity()["Arn"].endswith(":root")
    forged = {**session, "SessionToken": session["SessionToken"][:-8] + "AAAAAAA="}
    assert code(secured.client("sts", forged).get_caller_identity) == "InvalidClientTokenId"
    other = secured.client("sts").get_session_token()["Credentials"]
    mixed = {**session, "SessionToken": other["SessionToken"]}
    assert code(secured.client("sts", mixed).get_caller_identity) == "InvalidClientTokenId"
    without = {name: session[name] for name in ("AccessKeyId", "SecretAccessKey")}
    assert code(secured.client("sts", without).get_caller_identity) == "InvalidClientTokenId"


@pytest.mark.parametrize(("skew_s", "said"), [(-900, "Signature expired: "), (900, "Signature not yet current: ")])
def test_clocks_may_differ_by_five_minutes(sender, skew_s, said):
    assert sender.send(sender.signed(skew_s=skew_s / 4))[0] == 200
    status, text = sender.send(sender.signed(skew_s=skew_s))
    assert status == 403 and said in text


def test_a_presigned_url_works_until_it_expires_whatever_clock_made_it(sender):
    class Presign(SigV4QueryAuth):
        def __init__(self, *args):
            super().__init__(*args, expires=600)

    def visit(skew_s):
        path = f"/?{WHO}"
        return sender.send(sender.signed("GET", path, "", {}, skew_s=skew_s, auth=Presign), headers={})

    assert visit(0)[0] == visit(-500)[0] == visit(200)[0] == 200
    status, text = visit(-700)
    assert status == 403 and "Signature expired" in text
    request = sender.signed("GET", f"/?{WHO}", "", {}, auth=Presign)
    longer = urlsplit(request.url).query.replace("Expires=600", "Expires=6000")
    assert sender.send(request, path=f"/?{longer}", headers={})[0] == 403


@pytest.mark.parametrize(
    "name", ["plain", f"arn:aws:lambda:us-east-1:{'0' * 12}:function:f", "with%20percent", "übung", "a+b c", "a//b"]
)
def test_paths_of_all_kinds_are_signed_as_they_are_sent(secured, name):
    assert code(secured.client("lambda", parameter_validation=False).get_function, FunctionName=name) in (
        "ResourceNotFoundException", "ValidationException", "AccessDeniedException", "InvalidParameterValueException",
    )  # fmt: skip
    s3 = secured.client("s3")
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket="nowhere-at-all", Key=name)
    assert error.value.response["Error"]["Code"] == "NoSuchBucket"


def test_objects_come_signed_in_chunks_unsigned_and_by_presigned_urls(secured, sender):
    s3 = secured.client("s3")
    s3.create_bucket(Bucket="signed-objects")
    s3.put_object(Bucket="signed-objects", Key="a b/ü+", Body=b"one", ChecksumAlgorithm="CRC32")
    assert s3.get_object(Bucket="signed-objects", Key="a b/ü+")["Body"].read() == b"one"
    session = secured.client("sts").get_session_token()["Credentials"]
    v4 = {"signature_version": "s3v4"}
    for signer in (s3, secured.client("s3", session), secured.client("s3", **v4), secured.client("s3", session, **v4)):
        url = signer.generate_presigned_url("get_object", {"Bucket": "signed-objects", "Key": "a b/ü+"}, ExpiresIn=60)
        request = AWSRequest("GET", url)
        assert sender.send(request, headers={}) == (200, "one")
        forged = url.removeprefix(sender.endpoint).replace("ignature=", "ignature=0")
        status, text = sender.send(request, headers={}, path=forged)
        assert status == 403 and "<Code>SignatureDoesNotMatch</Code>" in text
        status, text = sender.send(request, headers={}, path=urlsplit(url).path)
        assert status == 403 and "<Code>AccessDenied</Code>" in text and "Access Denied" in text
    put = sender.signed("PUT", "/signed-objects/k", b"body", {}, "s3", auth=S3SigV4Auth)
    assert sender.send(put)[0] == 200
    status, text = sender.send(put, body=b"BODY")
    assert status in (400, 403) and s3.get_object(Bucket="signed-objects", Key="k")["Body"].read() == b"body"


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["Authorization", "X-Amz-Date", "X-Amz-Security-Token", "query"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)
    | st.sampled_from(["AWS4-HMAC-SHA256 Credential=", "Credential=a/20260101/us-east-1/sts/aws4_request", "=", "//"]),
)
def test_no_signature_that_anybody_makes_up_crashes_or_is_let_in(sender, where, text):
    request = sender.signed()
    headers = dict(request.headers)
    if where == "query":
        headers.pop("Authorization")
        clean = "".join(c if (c.isascii() and c.isalnum()) or c in "=&/-" else "%41" for c in text)
        path = f"/?X-Amz-Signature={clean}"
        status, _ = sender.send(request, headers=headers, path=path)
    else:
        before = headers.get(where, "")
        value = text.strip().encode("latin-1", "replace").decode("latin-1")
        if value in (before, "") or (where == "X-Amz-Security-Token" and not value):
            return
        headers[where] = value
        status, _ = sender.send(request, headers=headers)
    assert 400 <= status < 500


def test_secrets_never_reach_the_log(guarded, secured):
    assert secured.secret not in guarded.said()
    assert json.dumps(secured.secret) not in guarded.said()
