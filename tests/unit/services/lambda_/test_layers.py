"""Layers within the service: what of them is kept on the disk and for how long, and their numbers."""

import asyncio

import pytest

from samovar.engine import package

LAYER = "arn:aws:lambda:us-east-1:123456789012:layer"
LONG = 16 * 60


@pytest.fixture
def publish(lab, make_zip):
    def publish(name, text):
        """Publish, and let the tidying that follows end."""

        async def run():
            answer = await lab.acall("PublishLayerVersion", LayerName=name, Content={"ZipFile": make_zip(text)})
            await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
            return answer

        return lab.runner.run(run())

    return publish


def trees(lab):
    return {path.name for path in (lab.directory / "trees").iterdir()}


def blobs(lab):
    return {path.name for path in (lab.directory / "code").glob("??/*")}


def code_of(lab, make_zip, *texts):
    """The digests of these zips."""
    return {package.unpack(make_zip(text), lab.directory / "elsewhere").sha256 for text in texts}


def running(lab, name="f"):
    lab.invoke(name)
    return lab.engine.started[-1][0]


def test_the_engine_is_given_the_tree_of_all_layers_in_their_order(lab, publish, make_zip):
    for text in "ab":
        publish(text, text)
    lab.create()
    assert running(lab).layers == ""
    digests = [code_of(lab, make_zip, text).pop() for text in "ab"]
    for order in (digests, digests[::-1], digests[:1]):
        layers = [f"{LAYER}:{'ab'[digests.index(digest)]}:1" for digest in order]
        lab.call("UpdateFunctionConfiguration", FunctionName="f", Layers=layers)
        lab.settle()
        assert running(lab).layers == package.stack_name(order)
        assert running(lab).layers in trees(lab)


def test_a_deleted_version_goes_from_the_disk_when_no_function_has_it_any_more(lab, publish, make_zip):
    publish("l", "layer")
    publish("m", "other")
    lab.create(Layers=[f"{LAYER}:l:1", f"{LAYER}:m:1"])
    for name in "lm":
        lab.call("DeleteLayerVersion", LayerName=name, VersionNumber=1)
    lab.clock.advance(LONG)
    publish("n", "any")
    used = code_of(lab, make_zip, "one", "layer", "other")
    assert blobs(lab) == used | code_of(lab, make_zip, "any")
    assert trees(lab) == blobs(lab) | {running(lab).layers}
    lab.call("UpdateFunctionConfiguration", FunctionName="f", Layers=[])
    lab.settle()
    assert used < trees(lab)  # an invocation may still run there
    lab.clock.advance(LONG)
    publish("n", "any")
    assert blobs(lab) == trees(lab) == code_of(lab, make_zip, "one", "any")


def test_the_layers_of_a_deleted_function_stay_if_they_are_published(lab, publish, make_zip):
    publish("l", "layer")
    publish("m", "other")
    lab.create(Layers=[f"{LAYER}:l:1", f"{LAYER}:m:1"])
    merged = running(lab).layers
    lab.call("DeleteFunction", FunctionName="f")
    assert merged in trees(lab)
    lab.clock.advance(LONG)
    publish("n", "any")
    assert blobs(lab) == trees(lab) == code_of(lab, make_zip, "layer", "other", "any")


def test_a_published_version_keeps_the_layers_that_latest_has_given_up(lab, publish, make_zip):
    publish("l", "layer")
    lab.create(Layers=[f"{LAYER}:l:1"], Publish=True)
    lab.call("UpdateFunctionConfiguration", FunctionName="f", Layers=[])
    lab.call("DeleteLayerVersion", LayerName="l", VersionNumber=1)
    lab.settle()
    lab.clock.advance(LONG)
    publish("n", "any")
    assert code_of(lab, make_zip, "layer") < trees(lab)
    lab.invoke(Qualifier="1")
    assert {lab.engine.started[-1][0].layers} == code_of(lab, make_zip, "layer")


def test_a_restart_sweeps_what_nobody_names_and_makes_lost_trees_again(lab, publish, make_zip):
    for text in "abc":
        publish(text, text)
    lab.create(Layers=[f"{LAYER}:a:1", f"{LAYER}:b:1"])
    for text in "bc":
        lab.call("DeleteLayerVersion", LayerName=text, VersionNumber=1)
    merged = running(lab).layers
    package.remove(lab.directory / "trees", set())
    lab.restart()
    assert blobs(lab) == code_of(lab, make_zip, "one", "a", "b")
    assert trees(lab) == blobs(lab) | {merged}
    assert running(lab).layers == merged


def test_a_function_whose_layer_is_lost_on_the_disk_has_failed(lab, publish, make_zip):
    publish("l", "layer")
    lab.create(Layers=[f"{LAYER}:l:1"])
    (digest,) = code_of(lab, make_zip, "layer")
    (lab.directory / "code" / digest[:2] / digest).unlink()
    package.remove(lab.directory / "trees", code_of(lab, make_zip, "one"))
    lab.restart()
    assert lab.call("GetFunctionConfiguration", FunctionName="f")["State"] == "Failed"


def test_a_layer_that_lost_its_tree_can_still_be_attached(lab, publish):
    publish("l", "layer")
    package.remove(lab.directory / "trees", set())
    lab.create(Layers=[f"{LAYER}:l:1"])
    assert running(lab).layers in trees(lab)


def test_versions_and_the_count_of_them_survive_a_restart(lab, publish):
    for text in "ab":
        publish("l", text)
    lab.call("DeleteLayerVersion", LayerName="l", VersionNumber=2)
    permission = {"StatementId": "s", "Action": "lambda:GetLayerVersion", "Principal": "*"}
    added = lab.call("AddLayerVersionPermission", LayerName="l", VersionNumber=1, **permission)
    lab.restart()
    assert lab.call("GetLayerVersionPolicy", LayerName="l", VersionNumber=1)["RevisionId"] == added["RevisionId"]
    assert [item["Version"] for item in lab.call("ListLayerVersions", LayerName="l")["LayerVersions"]] == [1]
    assert publish("l", "c")["Version"] == 3


def test_publishers_at_the_same_time_get_numbers_of_their_own(lab, make_zip):
    async def all_at_once():
        content = {"ZipFile": make_zip("layer")}
        calls = (lab.acall("PublishLayerVersion", LayerName="l", Content=content) for _ in range(20))
        return await asyncio.gather(*calls)

    numbers = [answer["Version"] for answer in lab.runner.run(all_at_once())]
    assert sorted(numbers) == list(range(1, 21))


def test_a_reset_forgets_layers_and_their_numbers(lab, publish):
    publish("l", "layer")
    lab.runner.run(lab.service.reset())
    assert lab.call("ListLayers")["Layers"] == []
    assert publish("l", "layer")["Version"] == 1


def test_the_link_of_a_layer_lasts_ten_minutes(lab, publish, make_zip):
    url = publish("l", "layer")["Content"]["Location"]
    path, _, query = url.removeprefix("http://127.0.0.1:4566").partition("?")
    assert path == "/_samovar/code/123456789012/us-east-1/layers/l/1"
    lab.clock.advance(600)
    assert lab.runner.run(lab.download(path, query)) == make_zip("layer")
    lab.clock.advance(1)
    assert lab.runner.run(lab.download(path, query)) is None
