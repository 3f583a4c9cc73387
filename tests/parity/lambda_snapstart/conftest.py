"""Functions with SnapStart, published and ready. They need a Python 3.12 or later on this machine."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

_WITHIN_S = 60
_SNAP_START = {"ApplyOn": "PublishedVersions"}


@pytest.fixture(scope="session")
def runtime(usable_pythons: list[str]) -> str:
    found = [name for name in usable_pythons if int(name.rpartition(".")[2]) >= 12]
    if not found:
        pytest.skip("SnapStart needs Python 3.12 or later, as on AWS")
    return found[0]


class Published:
    """Version 1 of a function."""

    def __init__(self, function: Any) -> None:
        self.function = function
        self.lambda_ = function.platform.client("lambda")

    def __call__(self, event: object = None, **options: Any) -> Any:
        return self.function(event, Qualifier="1", **options)

    def configuration(self) -> dict[str, Any]:
        found: dict[str, Any] = self.lambda_.get_function_configuration(FunctionName=self.function.name, Qualifier="1")
        return found

    def settle(self) -> dict[str, Any]:
        """Wait until it isn't Pending any more."""
        deadline = time.monotonic() + _WITHIN_S
        while (found := self.configuration())["State"] == "Pending":
            assert time.monotonic() < deadline, found
        return found


@pytest.fixture
def publish(platform: Any, runtime: str) -> Iterator[Callable[..., Published]]:
    """Create a function with SnapStart on the session's server, publish it, and (unless told not to) wait for it."""
    made: list[Any] = []

    def publish(code: Any, *, wait: bool = True, on: Any = platform, **configuration: Any) -> Published:
        wanted: dict[str, Any] = {"Runtime": runtime, "Timeout": 20, "SnapStart": _SNAP_START, "Publish": True}
        made.append(on.create(code, **(wanted | configuration)))
        published = Published(made[-1])
        if wait:
            found = published.settle()
            assert found["State"] == "Active", found
        return published

    yield publish
    for function in made:
        function.delete()
