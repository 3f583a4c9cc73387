"""Zips and their trees: what is kept, what goes, and the links that download them."""

import asyncio
from urllib.parse import urlsplit

import pytest

from samovar.core.errors import AwsError
from samovar.engine import package


def kept(lab):
    """Names of blobs and of trees on the disk."""
    blobs = {path.name for path in (lab.directory / "code").glob("??/*")}
    trees = {path.name for path in (lab.directory / "trees").iterdir()}
    return blobs, trees


def fetch(lab, url, path=None, query=None):
    parts = urlsplit(url)
    return lab.runner.run(lab.download(path or parts.path, parts.query if query is None else query))


def location(lab, name="f"):
    return lab.call("GetFunction", FunctionName=name)["Code"]["Location"]


def test_the_link_downloads_the_zip_from_where_the_caller_reached_us(lab, make_zip):
    lab.create()
    code = lab.call("GetFunction", FunctionName="f")["Code"]
    assert code["RepositoryType"] == "S3"
    assert code["Location"].startswith("http://127.0.0.1:4566/_samovar/code/123456789012/us-east-1/f?token=")
    assert fetch(lab, code["Location"]) == make_zip("one")


def test_a_link_lasts_ten_minutes(lab, make_zip):
    lab.create()
    url = location(lab)
    lab.clock.advance(600)
    assert fetch(lab, url) == make_zip("one")
    lab.clock.advance(1)
    assert fetch(lab, url) is None


def test_a_link_still_downloads_what_it_showed_after_an_update(lab, make_zip):
    lab.create()
    url = location(lab)
    lab.call("UpdateFunctionCode", FunctionName="f", ZipFile=make_zip("two"))
    lab.settle()
    assert fetch(lab, url) == make_zip("one")
    assert fetch(lab, location(lab)) == make_zip("two")


@pytest.mark.parametrize(
    "query", ["", "token=", "token=x", "token=.", "token=1.2.3", "token=9999999999.abc.%ff", "a=b", "token=%C3%A9"]
)
def test_a_link_cannot_be_guessed(lab, query):
    lab.create()
    assert fetch(lab, location(lab), query=query) is None


def test_a_link_opens_only_the_function_that_it_was_made_for(lab):
    lab.create()
    assert fetch(lab, location(lab), path="/_samovar/code/123456789012/us-east-1/g") is None


def test_a_link_ends_with_the_server(lab):
    lab.create()
    url = location(lab)
    lab.restart()
    assert fetch(lab, url) is None


def test_code_out_of_use_goes_with_a_later_deployment_when_nothing_can_run_it_any_more(lab, make_zip):
    lab.create()
    first = lab.settle()["CodeSha256"]
    lab.call("UpdateFunctionCode", FunctionName="f", ZipFile=make_zip("two"))
    lab.settle()
    lab.create("g", Code={"ZipFile": make_zip("three")})
    assert [len(names) for names in kept(lab)] == [3, 3]
    lab.clock.advance(16 * 60)
    lab.create("h", Code={"ZipFile": make_zip("two")})
    blobs, trees = kept(lab)
    assert blobs == trees
    assert len(blobs) == 2
    assert lab.settle()["CodeSha256"] != first
    assert lab.invoke()["StatusCode"] == lab.invoke("g")["StatusCode"] == 200


def test_code_that_two_functions_share_stays_while_one_is_left(lab, make_zip):
    lab.create()
    lab.create("g")
    lab.call("DeleteFunction", FunctionName="g")
    lab.clock.advance(16 * 60)
    lab.create("h", Code={"ZipFile": make_zip("two")})
    assert fetch(lab, location(lab)) == make_zip("one")


def test_what_a_crash_left_behind_is_swept_at_start(lab, make_zip):
    lab.create()
    with pytest.raises(AwsError):
        lab.create("bad", Code={"ZipFile": b"not a zip"})
    lab.create("gone", Code={"ZipFile": make_zip("two")})
    lab.call("DeleteFunction", FunctionName="gone")
    (lab.directory / "trees" / ".unpacking-x").mkdir()
    lab.restart()
    blobs, trees = kept(lab)
    assert blobs == trees
    assert len(blobs) == 1


def test_a_lost_tree_is_unpacked_again_at_start(lab):
    lab.create()
    (tree,) = kept(lab)[1]
    (lab.directory / "trees" / tree).rename(lab.directory / "elsewhere")
    lab.restart()
    lab.invoke()
    assert (lab.directory / "trees" / lab.engine.started[0][0].code / "h.py").is_file()


def test_a_function_whose_code_is_lost_fails_and_the_others_live(lab, make_zip):
    lab.create()
    lab.create("g", Code={"ZipFile": make_zip("two")})
    lost = {path.name for path in (lab.directory / "trees").iterdir()}
    lab.call("DeleteFunction", FunctionName="g")
    lab.restart()
    (kept_digest,) = kept(lab)[1]
    lab.create("g", Code={"ZipFile": make_zip("two")})
    (digest,) = lost - {kept_digest}
    (lab.directory / "trees" / digest).rename(lab.directory / "elsewhere")
    (lab.directory / "code" / digest[:2] / digest).unlink()
    lab.restart()
    shown = lab.call("GetFunctionConfiguration", FunctionName="g")
    assert (shown["State"], shown["StateReasonCode"]) == ("Failed", "InternalError")
    assert digest in shown["StateReason"]
    assert lab.invoke_error("g").message.endswith("The function is currently in the following state: Failed")
    assert lab.invoke()["StatusCode"] == 200


def full(*_):
    raise OSError(28, "No space left on device")


async def settled(lab):
    """As it is when nothing is under way."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)
    return await lab.acall("GetFunctionConfiguration", FunctionName="f")


def test_a_function_whose_tree_cannot_be_kept_fails_with_the_reason(lab, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(package, "appear", full)
        lab.runner.run(lab.acreate())
        shown = lab.runner.run(settled(lab))
    assert (shown["State"], shown["StateReasonCode"]) == ("Failed", "InternalError")
    assert shown["StateReason"].endswith("No space left on device")
    lab.call("DeleteFunction", FunctionName="f")
    lab.create()
    assert lab.invoke()["StatusCode"] == 200


def test_an_update_whose_tree_cannot_be_kept_fails_and_leaves_the_function_as_it_was(lab, make_zip, monkeypatch):
    lab.create()
    before = lab.call("GetFunctionConfiguration", FunctionName="f")
    with monkeypatch.context() as patch:
        patch.setattr(package, "appear", full)
        lab.call("UpdateFunctionCode", FunctionName="f", ZipFile=make_zip("two"))
        shown = lab.runner.run(settled(lab))
    assert (shown["State"], shown["LastUpdateStatus"]) == ("Active", "Failed")
    assert shown["LastUpdateStatusReasonCode"] == "InternalError"
    assert shown["LastUpdateStatusReason"].endswith("No space left on device")
    assert shown["CodeSha256"] == before["CodeSha256"]
    lab.invoke()
    version, _ = lab.engine.started[-1]
    assert (lab.directory / "trees" / version.code / "h.py").read_text().count("one")
    lab.call("UpdateFunctionCode", FunctionName="f", ZipFile=make_zip("two"))
    assert lab.settle()["CodeSha256"] != before["CodeSha256"]
    assert lab.invoke()["StatusCode"] == 200


def test_the_same_code_for_two_functions_at_once_is_one_tree(lab):
    async def both():
        await asyncio.gather(lab.acreate("f"), lab.acreate("g"))

    lab.runner.run(both())
    lab.settle("f")
    lab.settle("g")
    lab.restart()
    blobs, trees = kept(lab)
    assert blobs == trees
    assert len(trees) == 1
