"""The credential scope, wherever a request carries it (facts/iam.md §1, AWS "Signature Version 4")."""

import pytest

from samovar.wire.sigv4 import Scope, scope

LAMBDA = Scope("AKIDEXAMPLE", "20260112", "eu-west-1", "lambda")


def test_the_authorization_header_names_key_date_region_and_service() -> None:
    header = (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260112/eu-west-1/lambda/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=0123"
    )
    assert scope({"authorization": header}, "") == LAMBDA
    assert scope({"authorization": header.replace(", ", ",")}, "") == LAMBDA


def test_a_presigned_url_carries_it_percent_encoded() -> None:
    query = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260112%2Feu-west-1%2Flambda%2Faws4_request"
    )
    assert scope({}, query) == LAMBDA


def test_sigv4a_has_no_region() -> None:
    header = (
        "AWS4-ECDSA-P256-SHA256 Credential=AKIDEXAMPLE/20260112/lambda/aws4_request, SignedHeaders=host, Signature=0"
    )
    assert scope({"authorization": header}, "") == Scope("AKIDEXAMPLE", "20260112", "", "lambda")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer Credential=a/b/c/d/aws4_request",
        "AWS AKIDEXAMPLE:signature",
        "AWS4-HMAC-SHA256 Signature=0",
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/e/aws4_request",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws3_request",
    ],
)
def test_what_cannot_be_read_is_no_scope(header: str) -> None:
    assert scope({"authorization": header}, "") is None


def test_an_unsigned_request_has_no_scope() -> None:
    assert scope({}, "Qualifier=live") is None
