"""Accounts and regions from the credential scope."""

import pytest

from samovar.core.errors import AwsError
from samovar.gateway.identity import account_of, region_of
from samovar.wire.sigv4 import Scope


def scope(key: str = "AKIAEXAMPLE", region: str = "eu-west-1") -> Scope:
    return Scope(key, "20261122", region, "lambda")


def test_an_access_key_of_twelve_digits_is_the_account() -> None:
    assert account_of(scope("123456789012")) == "123456789012"


@pytest.mark.parametrize("key", ["AKIAEXAMPLE", "12345678901", "1234567890123", "test", "", "١٢٣٤٥٦٧٨٩٠١٢"])
def test_any_other_key_and_none_belong_to_the_default_account(key: str) -> None:
    assert account_of(scope(key)) == account_of(None) == "000000000000"


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "us-gov-west-1", "ap-southeast-10"])
def test_the_region_comes_from_the_scope(region: str) -> None:
    assert region_of(scope(region=region), "us-east-1") == region


def test_a_request_without_a_region_gets_the_configured_one() -> None:
    assert region_of(None, "eu-north-1") == region_of(scope(region=""), "eu-north-1") == "eu-north-1"


@pytest.mark.parametrize("region", ["mars", "../etc", "us-east-1:x", "US-EAST-1", "us-east-1\n"])
def test_what_cannot_be_a_region_is_refused(region: str) -> None:
    with pytest.raises(AwsError, match="valid region"):
        region_of(scope(region=region), "us-east-1")
