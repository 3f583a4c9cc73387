"""UpdateStage: method settings, canaries, variables."""

import pytest

from samovar.core.errors import AwsError
from samovar.services.apigateway import stages


@pytest.fixture
def stage():
    return stages.made("dev", "d1", {"variables": {"a": "1"}}, 1000.5)


def patched(stage, *operations):
    names = ("op", "path", "value", "from")
    return stages.patched(stage, [dict(zip(names, each, strict=False)) for each in operations], 2000)


def test_a_new_stage_says_what_it_hasnt(stage):
    assert stage["cacheClusterStatus"] == "NOT_AVAILABLE"
    assert (stage["methodSettings"], stage["tracingEnabled"], stage["createdDate"]) == ({}, False, 1000)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/*/*/throttling/rateLimit", "*/*"),
        ("/~1pets~1{id}/GET/throttling/rateLimit", "pets~1{id}/GET"),
        ("/pets/GET/throttling/rateLimit", "pets/GET"),
        ("/~1/GET/throttling/rateLimit", "~1/GET"),
    ],
)
def test_one_setting_of_a_method_brings_the_rest(stage, path, key):
    settings = patched(stage, ("replace", path, "5.5"))["methodSettings"]
    assert settings == {
        key: {
            "metricsEnabled": False,
            "dataTraceEnabled": False,
            "throttlingBurstLimit": 5000,
            "throttlingRateLimit": 5.5,
            "cachingEnabled": True,
            "cacheTtlInSeconds": 300,
            "cacheDataEncrypted": False,
            "requireAuthorizationForCacheControl": True,
            "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
        }
    }


def test_settings_are_removed_as_a_whole(stage):
    with_both = patched(
        stage, ("replace", "/*/*/metrics/enabled", "true"), ("replace", "/a/GET/metrics/enabled", "true")
    )
    assert list(patched(with_both, ("remove", "/*/*"))["methodSettings"]) == ["a/GET"]
    with pytest.raises(
        AwsError, match="Cannot remove method setting \\*/\\* because there is no method setting for this"
    ):
        patched(stage, ("remove", "/*/*"))


def test_a_canary_is_promoted_by_copying(stage):
    canary = {
        **stage,
        "canarySettings": stages.canary({"stageVariableOverrides": {"b": "2"}, "percentTraffic": 10}, "d2"),
    }
    promoted = patched(
        canary,
        ("copy", "/deploymentId", None, "/canarySettings/deploymentId"),
        ("copy", "/variables", None, "/canarySettings/stageVariableOverrides"),
        ("remove", "/canarySettings"),
    )
    assert (promoted["deploymentId"], promoted["variables"]) == ("d2", {"a": "1", "b": "2"})
    assert "canarySettings" not in promoted
    with pytest.raises(AwsError, match=r"Promotion not available\. Canary does not exist."):
        patched(stage, ("copy", "/deploymentId", None, "/canarySettings/deploymentId"))


def test_a_canarys_numbers_are_floats_with_defaults(stage):
    changed = patched(stage, ("replace", "/canarySettings/percentTraffic", "12"))
    wanted = {"deploymentId": "d1", "percentTraffic": 12.0, "useStageCache": False}
    assert changed["canarySettings"] == wanted


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (("replace", "/nothing", "x"), "Invalid patch path  '/nothing' specified for op 'replace'"),
        (("replace", "/a/GET/nothing/x", "x"), "Invalid method setting path: /a/GET/nothing/x. Must be one of: \\["),
        (("replace", "/variables/a b", "x"), "Stage variable name only allows a-zA-Z0-9_"),
        (("replace", "/variables/a", "x y"), "Invalid stage variable value: x y"),
        (("replace", "/canarySettings/percentTraffic", "101"), "Percent traffic must be between"),
        (("replace", "/cacheClusterSize", "7"), "Invalid cache cluster size"),
    ],
)
def test_what_a_stage_cant_be_is_refused(stage, operation, message):
    with pytest.raises(AwsError, match=message):
        patched(stage, operation)
