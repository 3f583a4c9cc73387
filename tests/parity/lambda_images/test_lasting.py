"""What lasts of functions from images: across a kill, a moved tag, a deleted image."""

from registry import Registry
from roots import python_image

from .conftest import ROLE, ROOMY

SOURCE = "def handler(event, context): return {}"


def test_a_function_whose_server_was_killed_while_it_was_made_is_made_by_the_next(platforms, tmp_path):
    flags = ("--data-dir", str(tmp_path))
    first = platforms(*flags)
    uri = Registry(first).push(python_image(SOURCE.format("'here'")), "v1")
    wanted = {"FunctionName": "f", "Role": ROLE, "PackageType": "Image", "Code": {"ImageUri": uri}}
    first.client("lambda").create_function(**wanted, **ROOMY)
    first.kill()
    second = platforms(*flags)
    try:
        function = second.function("f")
        function.settle()
        assert function().result == "here"
        trees = [path.name for path in (tmp_path / "image-trees").iterdir()]
        assert len(trees) == 1
        assert not trees[0].startswith(".")
    finally:
        second.stop()


def test_a_tag_that_moves_and_an_image_that_goes_change_no_function(platform, registry, create):
    uri = registry.push(python_image(SOURCE.format("1")), "v")
    function = create(uri, Publish=True)
    function.settle()
    registry.push(python_image(SOURCE.format("2")), "v")
    assert function().result == 1
    lambda_ = platform.client("lambda")
    lambda_.update_function_code(FunctionName=function.name, ImageUri=uri)
    function.settle("function_updated_v2")
    assert (function().result, function(Qualifier="1").result) == (2, 1)
    platform.client("ecr").delete_repository(repositoryName=registry.repository, force=True)
    platform.client("ecr").create_repository(repositoryName=registry.repository)
    assert (function().result, function(Qualifier="1").result) == (2, 1)
