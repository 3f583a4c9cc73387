"""Functions from container images: what is found, kept and shown of an image, and what becomes of it."""

import asyncio
import json
import shutil

import pytest
from images import INDEX, Image, Member, index, layer

from samovar.core.errors import AwsError
from samovar.engine.images import tree
from samovar.services.lambda_.code import KEPT_S

URI = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app"


def image(text="one", **options):
    return Image(layer(Member("app", text.encode())), **options)


@pytest.fixture
def one(lab):
    """An image under the tag v1."""
    return lab.registry.push(image(), "v1")


def create(lab, uri=f"{URI}:v1", **changes):
    return lab.runner.run(begin(lab, uri, **changes))


async def begin(lab, uri=f"{URI}:v1", name="f", **changes):
    wanted = {"PackageType": "Image", "Runtime": None, "Handler": None, "Code": {"ImageUri": uri}}
    return await lab.acreate(name, **(wanted | changes))


def settle(lab, name="f"):
    """As it is when nothing is under way."""

    async def wait():
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)
        return await lab.acall("GetFunctionConfiguration", FunctionName=name)

    return lab.runner.run(wait())


def active(lab, uri=f"{URI}:v1", **changes):
    create(lab, uri, **changes)
    shown = settle(lab, changes.get("name", "f"))
    assert shown["State"] == "Active"
    return shown


def runs(lab, qualifier="$LATEST"):
    """What an invocation runs, as the engine gets it."""
    lab.invoke(Qualifier=qualifier)
    return lab.engine.started[-1][0].root


def trees(lab):
    folder = lab.directory / "image-trees"
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def refused(lab, operation, **params):
    error = lab.error(operation, **params)
    assert error.code == "InvalidParameterValueException"
    return error.message


def create_refused(lab, uri=f"{URI}:v1", **changes):
    with pytest.raises(AwsError) as caught:
        create(lab, uri, **changes)
    assert lab.call("ListFunctions") == {"Functions": []}
    return caught.value.message


def test_it_is_shown_as_aws_shows_it(lab, one):
    created = create(lab)
    assert (created["State"], created["StateReasonCode"]) == ("Pending", "Creating")
    shown = settle(lab)
    assert (shown["State"], shown["LastUpdateStatus"], shown["PackageType"]) == ("Active", "Successful", "Image")
    assert (shown["CodeSize"], shown["CodeSha256"]) == (0, one.digest.removeprefix("sha256:"))
    assert not {"Runtime", "Handler", "RuntimeVersionConfig", "Layers", "ImageConfigResponse"} & shown.keys()
    code = lab.call("GetFunction", FunctionName="f")["Code"]
    assert code == {"RepositoryType": "ECR", "ImageUri": f"{URI}:v1", "ResolvedImageUri": f"{URI}@{one.digest}"}


@pytest.mark.parametrize("reference", [":v1", "@{}", ":v1@{}"])
def test_an_image_is_named_by_tag_digest_or_both(lab, one, reference):
    active(lab, URI + reference.format(one.digest))
    assert lab.call("GetFunction", FunctionName="f")["Code"]["ResolvedImageUri"] == f"{URI}@{one.digest}"


def test_what_it_starts_is_the_images_unless_the_function_says_otherwise(lab):
    start = {"Entrypoint": ["/e"], "Cmd": ["c"], "WorkingDir": "/w", "Env": ["A=1"]}
    lab.registry.push(image(start=start), "v1")
    config = {"Command": ["mine"], "WorkingDirectory": "/mine"}
    shown = active(lab, ImageConfig=config)
    assert shown["ImageConfigResponse"] == {"ImageConfig": config}
    root = runs(lab)
    assert (root.entry_point, root.command, root.working_directory) == (("/e",), ("mine",), "/mine")
    assert root.variables["A"] == "1"
    lab.call("UpdateFunctionConfiguration", FunctionName="f", ImageConfig={})
    assert "ImageConfigResponse" not in settle(lab)
    assert (runs(lab).command, runs(lab).working_directory) == (("c",), "/w")


def test_an_index_means_its_image_for_the_functions_architecture(lab):
    ours, theirs = image("ours"), image("theirs", architecture="arm64")
    for each in (ours, theirs):
        lab.registry.push(each)
    lab.registry.put(index([theirs, ours]), INDEX, "v1")
    assert active(lab)["CodeSha256"] == ours.digest.removeprefix("sha256:")
    lab.registry.put(index([theirs]), INDEX, "v2")
    assert "no image for linux on x86_64" in refused(lab, "UpdateFunctionCode", FunctionName="f", ImageUri=f"{URI}:v2")


def test_a_tag_that_moves_changes_nothing_until_the_code_is_updated(lab, one):
    active(lab, Publish=True)
    other = lab.registry.push(image("two"), "v1")
    assert settle(lab)["CodeSha256"] == one.digest.removeprefix("sha256:")
    lab.restart()
    assert settle(lab)["CodeSha256"] == one.digest.removeprefix("sha256:")
    lab.call("UpdateFunctionCode", FunctionName="f", ImageUri=f"{URI}:v1")
    assert settle(lab)["CodeSha256"] == other.digest.removeprefix("sha256:")
    version = lab.call("GetFunction", FunctionName="f", Qualifier="1")
    assert version["Code"]["ResolvedImageUri"] == f"{URI}@{one.digest}"
    assert (runs(lab).tree, runs(lab, "1").tree) == (tree.name(other.diff_ids), tree.name(one.diff_ids))


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        (f"{URI}:v2", "does not exist"),
        (f"{URI}@sha256:{'0' * 64}", "does not exist"),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/other:v1", "does not exist"),
        (URI, "is not valid"),
        ("team/app:v1", "is not valid"),
        ("docker.io/library/busybox:latest", "is not valid"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:v1", "is not valid"),
    ],
)
def test_a_source_image_that_is_not_there_or_none(lab, one, uri, said):
    assert create_refused(lab, uri) == f"Source image {uri} {said}. Provide a valid source image."


def test_media_types_that_lambda_does_not_take(lab):
    said = f"The image manifest, config or layer media type for the source image {URI}:v1 is not supported."
    packed = image()
    for old, new in (("tar+gzip", "tar+zstd"), ("image.config.v1", "image.other.v1")):
        lab.registry.put(packed.manifest.replace(old.encode(), new.encode()), "", "v1", blobs=packed.blobs)
        assert create_refused(lab) == said


def test_an_image_for_another_machine_is_refused(lab):
    lab.registry.push(image(architecture="arm64"), "v1")
    said = "it is for arm64, and the function for x86_64"
    assert create_refused(lab) == f"Source image {URI}:v1 is not valid: {said}. Provide a valid source image."


@pytest.mark.parametrize("config", [b"", b"[]", b'{"rootfs": 1}', b"{}", b"\xff", b'{"rootfs": {"diff_ids": []}}'])
def test_an_image_with_a_broken_config_is_refused(lab, config):
    packed = image()
    packed.blobs[next(name for name, blob in packed.blobs.items() if blob == packed.config)] = config
    lab.registry.push(packed, "v1")
    assert create_refused(lab).startswith(f"Source image {URI}:v1 is not valid: its config")


def test_settings_beyond_16_kb_are_refused(lab):
    lab.registry.push(image(start={"Env": ["A=" + "x" * 17_000]}), "v1")
    assert "its settings exceed 16384 bytes" in create_refused(lab)


def test_more_than_10_gb_is_refused_before_anything_is_read(lab):
    packed = image()
    manifest = json.loads(packed.manifest)
    manifest["layers"][0]["size"] = (10 << 30) + 1
    lab.registry.put(json.dumps(manifest).encode(), "", "v1", blobs=packed.blobs)
    assert "its layers exceed 10737418240 bytes" in create_refused(lab)


def test_who_may_not_read_the_image_is_told_so(lab, one):
    lab.registry.refusal = AwsError("AccessDeniedException", "no")
    with pytest.raises(AwsError) as caught:
        create(lab)
    text = "Lambda does not have permission to access the ECR image. Check the ECR permissions."
    assert (caught.value.code, caught.value.message) == ("AccessDeniedException", text)


def test_the_two_kinds_of_packages_are_not_mixed(lab, one, make_zip):
    mixed = "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image."
    for given in ({"Runtime": "python3.12"}, {"Handler": "h.h"}, {"Layers": ["arn:aws:lambda:us-east-1:1:layer:l:1"]}):
        assert create_refused(lab, **given) == mixed
    missing = "Please provide ImageUri when {} a function with packageType Image."
    assert create_refused(lab, Code={"ZipFile": make_zip("one")}) == missing.format("creating")
    both = {"ZipFile": make_zip("one"), "ImageUri": f"{URI}:v1"}
    assert create_refused(lab, Code=both).startswith("Please do not provide other FunctionCode parameters")
    active(lab)
    update = {"FunctionName": "f", "ZipFile": make_zip("one")}
    assert refused(lab, "UpdateFunctionCode", **update) == missing.format("updating")
    for given in ({"Runtime": "python3.12"}, {"Handler": "h.h"}, {"Layers": ["arn:aws:lambda:us-east-1:1:layer:l:1"]}):
        assert refused(lab, "UpdateFunctionConfiguration", FunctionName="f", **given) == mixed
    lab.create("zip")
    said = "Please don't provide ImageUri when updating a function with packageType Zip."
    assert refused(lab, "UpdateFunctionCode", FunctionName="zip", ImageUri=f"{URI}:v1") == said
    assert "packageType Zip" in refused(
        lab, "UpdateFunctionConfiguration", FunctionName="zip", ImageConfig={"Command": ["x"]}
    )


@pytest.mark.parametrize("config", [{"WorkingDirectory": "relative"}, {"Command": ["a\0b"]}, {"EntryPoint": ["\0"]}])
def test_an_image_config_that_nothing_could_start_with_is_refused(lab, one, config):
    assert create_refused(lab, ImageConfig=config).startswith("ImageConfig")


def test_a_machine_that_cannot_run_images_says_so(lab, one):
    lab.engine.missing = {"image": "not at this level"}
    assert create_refused(lab) == "not at this level"


# --- what goes wrong later --------------------------------------------------------------------------------------------


def test_an_image_that_cannot_be_unpacked_fails_its_function(lab):
    lab.registry.push(Image(layer(Member("a"), Member("a/b"))), "v1")
    create(lab)
    shown = settle(lab)
    assert (shown["State"], shown["StateReasonCode"]) == ("Failed", "InvalidImage")
    assert f"The image {URI}:v1 is not valid: a layer has a file below what is no directory" in shown["StateReason"]
    assert lab.invoke_error().code == "ResourceConflictException"
    assert trees(lab) == set()
    lab.restart()
    assert settle(lab)["State"] == "Failed"


def test_an_update_that_cannot_be_unpacked_leaves_what_was(lab, one):
    active(lab)
    lab.registry.push(Image(layer(Member("a"), Member("a/b"))), "v2")
    answer = lab.call("UpdateFunctionCode", FunctionName="f", ImageUri=f"{URI}:v2")
    assert answer["LastUpdateStatus"] == "InProgress"
    shown = settle(lab)
    assert (shown["State"], shown["LastUpdateStatus"]) == ("Active", "Failed")
    assert shown["LastUpdateStatusReasonCode"] == "InvalidImage"
    assert shown["CodeSha256"] == one.digest.removeprefix("sha256:")
    for _ in range(2):
        assert runs(lab).tree == tree.name(one.diff_ids)
        lab.restart()


def test_an_image_whose_layers_have_gone_meanwhile_fails_its_function(lab, one):
    del lab.registry.blobs[one.layers[0]]
    create(lab)
    shown = settle(lab)
    assert (shown["State"], shown["StateReasonCode"]) == ("Failed", "ImageDeleted")
    assert shown["StateReason"] == f"The image {URI}@{one.digest} was deleted."


def test_an_image_that_is_deleted_from_the_registry_runs_on(lab, one):
    active(lab)
    lab.registry.clear()
    lab.restart()
    assert settle(lab)["State"] == "Active"
    assert runs(lab).tree == tree.name(one.diff_ids)


# --- trees ------------------------------------------------------------------------------------------------------------


def test_functions_share_a_tree_that_goes_with_the_last_of_them(lab, one):
    active(lab, name="f")
    active(lab, name="g")
    assert trees(lab) == {tree.name(one.diff_ids)}
    for name, left in (("f", 1), ("g", 0)):
        lab.call("DeleteFunction", FunctionName=name)
        lab.clock.advance(KEPT_S + 1)
        lab.create(f"another-{name}")
        settle(lab, f"another-{name}")
        assert len(trees(lab)) == left


def test_many_functions_of_one_image_unpack_it_once(lab, one):
    async def together():
        await asyncio.gather(*(begin(lab, name=f"f{n}") for n in range(5)))

    lab.runner.run(together())
    for n in range(5):
        assert settle(lab, f"f{n}")["State"] == "Active"
    assert lab.registry.opened.count(one.layers[0]) == 1


def test_what_a_stopped_server_had_not_unpacked_is_unpacked_by_the_next(lab, one):
    create(lab)
    lab.restart()
    assert settle(lab)["State"] == "Active"
    assert trees(lab) == {tree.name(one.diff_ids)}


def test_a_tree_that_was_lost_is_made_again_or_its_function_fails(lab, one):
    active(lab)
    for gone, state in ((False, "Active"), (True, "Failed")):
        shutil.rmtree(lab.directory / "image-trees")
        if gone:
            lab.registry.clear()
        lab.restart()
        shown = settle(lab)
        assert shown["State"] == state
    assert shown["StateReasonCode"] == "ImageDeleted"


def test_a_function_that_was_deleted_and_made_anew_waits_for_its_own_image(lab, one):
    other = lab.registry.push(image("two"), "v2")

    async def story():
        await begin(lab)
        await lab.acall("DeleteFunction", FunctionName="f")
        await begin(lab, f"{URI}:v2")

    lab.runner.run(story())
    assert settle(lab)["CodeSha256"] == other.digest.removeprefix("sha256:")
    assert runs(lab).tree == tree.name(other.diff_ids)
