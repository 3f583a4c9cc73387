"""Runtime identifiers and their dates: facts/lambda-limits.md §3."""

import calendar

import pytest

from samovar.core.errors import AwsError
from samovar.engine.runtimes import Runtimes
from samovar.services.lambda_.runtimes import TABLE, Change, version_arn


def at(day: str) -> float:
    year, month, date = map(int, day.split("-"))
    return float(calendar.timegm((year, month, date, 0, 0, 0)))


@pytest.mark.parametrize(
    "runtime", ["python3.14", "python3.8", "nodejs16.x", "provided.al2023", "python3.15", "custom"]
)
def test_a_runtime_may_be_used_until_its_block_date_even_when_deprecated(runtime):
    TABLE.check(runtime, Change.CREATE, at("2026-11-22"))


@pytest.mark.parametrize("runtime", ["python3.7", "java8", "go1.x", "python2.7", "nodejs"])
def test_a_blocked_runtime_is_refused_in_aws_words(runtime):
    with pytest.raises(AwsError) as caught:
        TABLE.check(runtime, Change.CREATE, at("2026-11-22"))
    assert caught.value.code == "InvalidParameterValueException"
    assert caught.value.message == (
        f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
        "We recommend you use a supported runtime while creating or updating functions."
    )


def test_the_day_of_the_block_is_blocked_and_the_day_before_is_not():
    TABLE.check("python3.9", Change.CREATE, at("2027-02-01") - 1)
    with pytest.raises(AwsError):
        TABLE.check("python3.9", Change.CREATE, at("2027-02-01"))


def test_updating_stays_possible_longer_than_creating():
    TABLE.check("python3.7", Change.UPDATE, at("2027-03-02"))
    TABLE.check("python3.9", Change.UPDATE, at("2027-03-02"))
    with pytest.raises(AwsError):
        TABLE.check("python3.9", Change.UPDATE, at("2027-03-03"))


def test_an_unknown_runtime_is_answered_with_the_set_of_current_ones():
    with pytest.raises(AwsError) as caught:
        TABLE.check("python4.0", Change.CREATE, at("2026-11-22"))
    start, _, rest = caught.value.message.partition("[")
    listed, _, end = rest.partition("]")
    assert start == "Value python4.0 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
    assert end == " or be a valid ARN"
    assert {"python3.12", "nodejs24.x", "provided.al2023"} <= set(listed.split(", "))
    assert "python3.7" not in listed.split(", ")


def test_a_runtime_version_arn_has_the_form_of_aws_and_is_stable():
    first = version_arn("eu-west-1", "python3.12")
    prefix, _, digest = first.rpartition(":")
    assert prefix == "arn:aws:lambda:eu-west-1::runtime"
    assert len(digest) == 64 and int(digest, 16)
    assert first == version_arn("eu-west-1", "python3.12") != version_arn("eu-west-1", "python3.11")


def test_every_runtime_that_lambda_offers_is_known_to_the_engine(tmp_path) -> None:
    """`samovar runtimes` lists what the engine knows. Those that AWS has deprecated without blocking them may lack."""
    deprecated = {"nodejs16.x", "dotnet6", "custom"}
    assert set(TABLE.current(at("2026-11-22"))) - deprecated <= set(Runtimes(tmp_path).known())


def test_without_dates_everything_that_lambda_ever_had_is_taken() -> None:
    TABLE.unblocked().check("nodejs12.x", Change.CREATE, at("2026-11-22"))
