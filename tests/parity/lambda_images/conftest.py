"""Images pushed through the registry's door, and functions made of them."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from images import Image
from registry import Registry

ROLE = "arn:aws:iam::123456789012:role/r"
ROOMY = {"Timeout": 60, "MemorySize": 1769}
"""A whole CPU, and time for a machine that has none to spare."""
_NAMES = itertools.count(1)


@pytest.fixture
def registry(platform: Any) -> Iterator[Registry]:
    registry = Registry(platform)
    yield registry
    platform.client("ecr").delete_repository(repositoryName=registry.repository, force=True)


@pytest.fixture
def create(platform: Any) -> Iterator[Callable[..., Any]]:
    """`create(uri, **configuration)`: a function of an image, which goes with the test; it isn't waited for."""
    made = []

    def create(uri: str, **configuration: Any) -> Any:
        name = configuration.pop("FunctionName", f"image-{next(_NAMES)}")
        platform.client("lambda").create_function(
            FunctionName=name, Role=ROLE, PackageType="Image", Code={"ImageUri": uri}, **ROOMY | configuration
        )
        made.append(platform.function(name))
        return made[-1]

    yield create
    for function in made:
        function.delete()


@pytest.fixture
def run(registry: Registry, create: Callable[..., Any]) -> Callable[..., Any]:
    """`run(image, **configuration)`: push it, make a function of it, wait until it can be invoked."""

    def run(image: Image, **configuration: Any) -> Any:
        function = create(registry.push(image, f"t{next(_NAMES)}"), **configuration)
        function.settle()
        return function

    return run
