"""Code that stays in a bucket: what is kept of it, when it is looked at, and what becomes of what has lost it."""

import asyncio
import shutil
from urllib.parse import urlsplit

import pytest

from samovar.core.errors import AwsError
from samovar.services.lambda_.jobs import EVERY_S

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
LAYER = "arn:aws:lambda:us-east-1:123456789012:layer:l"


def reference(version="v1", key="f.zip"):
    return {"S3Bucket": "code", "S3Key": key, "S3ObjectStorageMode": "REFERENCE"} | (
        {"S3ObjectVersion": version} if version else {}
    )


@pytest.fixture
def stored(lab, make_zip):
    """Two versions of a zip in a bucket, and a layer's."""
    texts = {("f.zip", "v1"): "one", ("f.zip", "v2"): "two", ("l.zip", "v1"): "layer"}
    lab.buckets.objects = {("code", *at): make_zip(text) for at, text in texts.items()}
    return lab.buckets.objects


def blobs(lab):
    return {path.name for path in (lab.directory / "code").glob("??/*")}


def trees(lab):
    return {path.name for path in (lab.directory / "trees").iterdir()}


def look(lab, seconds=EVERY_S):
    """Let a minute pass."""

    async def pass_by():
        lab.clock.advance(seconds)

    lab.runner.run(pass_by())
    return settle(lab)


def settle(lab, name="f"):
    """As it is when nothing is under way."""

    async def wait():
        others = asyncio.all_tasks() - {asyncio.current_task()}
        while others:
            await asyncio.wait(others)
            others = asyncio.all_tasks() - {asyncio.current_task()}
        return await lab.acall("GetFunctionConfiguration", FunctionName=name)

    return lab.runner.run(wait())


def test_no_copy_is_kept_and_the_storage_quota_does_not_feel_it(lab, stored):
    lab.create(Code=reference())
    shown = lab.call("GetFunction", FunctionName="f")
    assert (blobs(lab), len(trees(lab))) == (set(), 1)
    assert lab.call("GetAccountSettings")["AccountUsage"]["TotalCodeSize"] == 0
    assert shown["Configuration"]["CodeSize"] == len(stored["code", "f.zip", "v1"])
    assert shown["Code"]["ResolvedS3Object"] == {"S3Bucket": "code", "S3Key": "f.zip", "S3ObjectVersion": "v1"}
    url = urlsplit(shown["Code"]["Location"])
    assert lab.runner.run(lab.download(url.path, url.query)) == stored["code", "f.zip", "v1"]


def test_lambda_reads_it_and_says_for_which_function_or_layer(lab, stored):
    lab.create(Code=reference())
    lab.call("PublishLayerVersion", LayerName="l", Content=reference("", "l.zip"))
    assert {(ctx.principal, ctx.source_arn) for ctx, _, _ in lab.buckets.asked} == {
        ("lambda.amazonaws.com", FUNCTION),
        ("lambda.amazonaws.com", LAYER),
    }


def test_without_a_version_it_is_the_current_one_of_now(lab, stored):
    lab.create(Code=reference(""))
    assert lab.call("GetFunction", FunctionName="f")["Code"]["ResolvedS3Object"]["S3ObjectVersion"] == "v2"
    assert ("GetObject", "v2") in [asked[1:] for asked in lab.buckets.asked]


@pytest.mark.parametrize("version", ["", "null"])
def test_an_object_without_a_version_is_refused(lab, stored, make_zip, version):
    stored["code", "plain.zip", "-"] = make_zip("plain")
    said = lab.error("CreateFunction", **given(Code=reference(version, "plain.zip")))
    assert (said.code, "enable versioning" in said.message) == ("InvalidParameterValueException", True)


def given(**changes):
    params = {"FunctionName": "f", "Role": "arn:aws:iam::123456789012:role/r", "Runtime": "python3.12"}
    return params | {"Handler": "h.handler"} | changes


def test_what_lambda_may_not_read_is_refused_in_s3s_words(lab, stored):
    said = lab.error("CreateFunction", **given(Code=reference("v9")))
    assert said.code == "InvalidParameterValueException"
    words = "S3 Error Code: AccessDenied. S3 Error Message: Access Denied"
    assert said.message == f"Error occurred while GetObject. {words}"


def test_each_update_says_anew_whether_a_copy_is_made(lab, stored):
    lab.create(Code=reference())
    where = {"S3Bucket": "code", "S3Key": "f.zip", "S3ObjectVersion": "v1"}
    lab.call("UpdateFunctionCode", FunctionName="f", ZipFile=stored["code", "f.zip", "v1"])
    lab.settle()
    assert "ResolvedS3Object" not in lab.call("GetFunction", FunctionName="f")["Code"]
    assert len(blobs(lab)) == 1
    size = len(stored["code", "f.zip", "v1"])
    assert lab.call("GetAccountSettings")["AccountUsage"]["TotalCodeSize"] == size
    lab.call("UpdateFunctionCode", FunctionName="f", S3ObjectStorageMode="REFERENCE", **where)
    lab.settle()
    assert lab.call("GetAccountSettings")["AccountUsage"]["TotalCodeSize"] == 0
    look(lab, 16 * 60)
    lab.create("g", Code={"ZipFile": stored["code", "f.zip", "v2"]})
    lab.settle("g")
    lab.restart()
    assert len(blobs(lab)) == 1  # the copy of g; that of f has gone
    assert lab.invoke()["StatusCode"] == 200


def test_a_function_that_lost_its_object_is_inactive_until_it_is_updated_with_access_restored(lab, stored):
    lab.create(Code=reference())
    kept = dict(stored)
    stored.clear()
    assert lab.settle()["State"] == "Active"  # nobody has looked yet
    assert lab.invoke()["StatusCode"] == 200
    shown = look(lab)
    assert (shown["State"], shown["StateReasonCode"]) == ("Inactive", "DependencyError")
    assert shown["StateReason"].endswith("S3 Error Code: AccessDenied. S3 Error Message: Access Denied")
    said = lab.invoke_error()
    assert said.code == "ResourceConflictException"
    assert said.message.endswith("The function is currently in the following state: Inactive")
    assert lab.call("GetFunction", FunctionName="f")["Code"]["Error"]["ErrorCode"] == "AccessDenied"
    for operation in ("UpdateFunctionConfiguration", "PublishVersion"):
        assert lab.error(operation, FunctionName="f").code in ("InvalidParameterValueException", said.code)
    stored.update(kept)
    lab.call("UpdateFunctionConfiguration", FunctionName="f", Description="back")
    assert (lab.settle()["State"], lab.invoke()["StatusCode"]) == ("Active", 200)


def test_a_version_that_lost_its_object_comes_back_with_an_invocation_after_access_is_restored(lab, stored):
    lab.create(Code=reference(), Publish=True)
    kept = dict(stored)
    stored.clear()
    look(lab)
    lab.invoke_error(Qualifier="1")
    assert settle(lab, "f:1")["State"] == "Inactive"
    stored.update(kept)
    lab.invoke_error(Qualifier="1")
    assert settle(lab, "f:1")["State"] == "Active"
    assert lab.invoke(Qualifier="1")["StatusCode"] == 200


def test_an_outage_of_s3_makes_nothing_inactive(lab, stored):
    lab.create(Code=reference())
    stored.clear()
    lab.buckets.refusal = AwsError("SlowDown", "Please reduce your request rate.")
    assert look(lab)["State"] == "Active"
    lab.buckets.refusal = AwsError("NoSuchBucket", "The specified bucket does not exist")
    assert look(lab)["State"] == "Inactive"  # and looking goes on


def test_who_has_lost_the_tree_reads_the_object_again_after_a_restart(lab, stored):
    lab.create(Code=reference(), Publish=True)
    shutil.rmtree(lab.directory / "trees")
    lab.restart()
    assert settle(lab)["State"] == settle(lab, "f:1")["State"] == "Active"
    assert len(trees(lab)) == 1
    assert lab.invoke(Qualifier="1")["StatusCode"] == 200


@pytest.mark.parametrize("update", [False, True])
def test_who_has_lost_tree_and_object_is_inactive_after_a_restart_and_the_others_live(lab, stored, update):
    lab.create(Code=reference())
    lab.create("g")
    if update:
        lab.call("UpdateFunctionConfiguration", FunctionName="f", Description="under way")
    shutil.rmtree(lab.directory / "trees")
    kept = dict(stored)
    stored.clear()
    lab.restart()
    shown = settle(lab)
    assert (shown["State"], lab.invoke("g")["StatusCode"]) == ("Inactive", 200)
    stored.update(kept)
    lab.call("UpdateFunctionCode", FunctionName="f", **reference("v2"))
    assert (lab.settle()["State"], lab.invoke()["StatusCode"]) == ("Active", 200)


def test_an_object_that_is_not_what_it_was_is_not_run(lab, stored):
    lab.create(Code=reference())
    shutil.rmtree(lab.directory / "trees")
    stored["code", "f.zip", "v1"] = stored["code", "f.zip", "v2"]
    lab.restart()
    assert settle(lab)["StateReason"] == "The object f.zip in code isn't what it was."


def test_what_stays_inactive_over_a_restart_comes_back_as_well(lab, stored):
    lab.create(Code=reference())
    kept = dict(stored)
    stored.clear()
    look(lab)
    lab.restart()
    assert settle(lab)["State"] == "Inactive"
    stored.update(kept)
    lab.invoke_error()
    assert settle(lab)["State"] == "Active"


def test_a_lost_layer_stops_only_configurations_that_name_it(lab, stored):
    layer = lab.call("PublishLayerVersion", LayerName="l", Content=reference("v1", "l.zip"))
    assert layer["Content"]["ResolvedS3Object"]["S3Key"] == "l.zip"
    layers = [layer["LayerVersionArn"]]
    lab.create(Layers=layers)
    assert len(blobs(lab)) == 1
    del stored["code", "l.zip", "v1"]
    assert look(lab)["State"] == "Active"
    lab.call("UpdateFunctionConfiguration", FunctionName="f", Description="x")
    lab.settle()
    said = lab.error("UpdateFunctionConfiguration", FunctionName="f", Layers=layers)
    assert "S3 Error Code: AccessDenied" in said.message
    lab.call("UpdateFunctionConfiguration", FunctionName="f", Layers=[])
    assert lab.settle()["State"] == "Active"


def test_nobody_is_asked_where_no_code_stays_in_a_bucket(lab, stored):
    lab.create()
    look(lab)
    assert (lab.buckets.asked, lab.clock.timers) == ([], set())


@pytest.mark.usefixtures("stored")
def test_an_answer_waits_for_the_tree_of_code_that_is_nowhere_else(lab):
    lab.runner.run(lab.acreate(Code=reference()))
    names = trees(lab)
    assert len(names) == 1
    assert len(names.pop()) == 64, "it is still staged"
