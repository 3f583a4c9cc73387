"""kill -9 between any two steps of a change: what is found afterwards is the function before or after it, and works.

Every step that the disk sees (a file synced, a file renamed, a transaction committed) is a place where the server may
die. The directory is copied before and after each of them, and a server is started on every copy. What threads do side
by side they do here one after the other, so that a copy is of one moment.
"""

import asyncio
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from samovar.core.errors import AwsError
from samovar.store.sqlite import Store

LAYER = "arn:aws:lambda:us-east-1:123456789012:layer:l:1"
UNSETTLED = ("RevisionId", "State", "StateReason", "StateReasonCode", "LastUpdateStatus", "LastUpdateStatusReason")


class Images:
    """Copies of a directory as a crash would leave it."""

    def __init__(self, source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.taken: list[Path] = []
        self._source = source
        self._target = target
        self._monkeypatch = monkeypatch

    @contextmanager
    def at_every_step(self) -> Iterator[None]:
        with self._monkeypatch.context() as patch:
            for name in ("rename", "fsync"):
                patch.setattr(os, name, self._around(getattr(os, name)))
            to_thread, alone = asyncio.to_thread, threading.Lock()

            def in_turn(function: Any, *args: Any) -> Any:
                with alone:
                    return function(*args)

            patch.setattr(asyncio, "to_thread", lambda function, *args: to_thread(in_turn, function, *args))
            transact = Store.transact

            async def commit(store: Store, *steps: Any) -> Any:
                with alone:
                    self._take()
                done = await transact(store, *steps)
                with alone:
                    self._take()
                return done

            patch.setattr(Store, "transact", commit)
            yield

    def _around(self, step: Any) -> Any:
        def taken(*args: Any, **options: Any) -> Any:
            self._take()
            done = step(*args, **options)
            self._take()
            return done

        return taken

    def _take(self) -> None:
        image = self._target / str(len(self.taken))
        shutil.copytree(self._source, image, symlinks=True)
        self.taken.append(image)


def everything(lab: Any) -> Any:
    """What there is, but for what a restart changes; the code as it can be downloaded."""
    functions = lab.call("ListFunctions", FunctionVersion="ALL")["Functions"]
    found = []
    for each in functions:
        configuration = lab.call("GetFunctionConfiguration", FunctionName=each["FunctionArn"])
        assert configuration["State"] == "Active"
        code = lab.call("GetFunction", FunctionName=each["FunctionArn"])["Code"]["Location"]
        path, _, query = code.removeprefix("http://127.0.0.1:4566").partition("?")
        assert len(lab.runner.run(lab.download(path, query))) == each["CodeSize"]
        assert lab.invoke(each["FunctionArn"])["ExecutedVersion"] == each["Version"]
        version, _ = lab.engine.started[-1]
        assert (lab.directory / "trees" / version.code / "h.py").is_file()
        assert not version.layers or (lab.directory / "trees" / version.layers).is_dir()
        found.append({name: value for name, value in configuration.items() if name not in UNSETTLED})
    aliases = [
        lab.call("ListAliases", FunctionName=name) for name in sorted({each["FunctionName"] for each in functions})
    ]
    layers = [
        {name: value for name, value in each.items() if name != "Location"}
        for each in lab.call("ListLayerVersions", LayerName="l")["LayerVersions"]
    ]
    return found, aliases, layers


async def idle() -> None:
    """Nothing that went before works any more."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)


def goes_on(lab: Any, make_zip: Any) -> None:
    """A crash has left nothing behind that stands in the way of the next changes."""
    try:
        lab.create()
    except AwsError as error:
        assert error.code == "ResourceConflictException"
    before = lab.call("ListVersionsByFunction", FunctionName="f")["Versions"][-1]["Version"]
    lab.call("UpdateFunctionCode", FunctionName="f", ZipFile=make_zip("after the crash"))
    lab.settle()
    number = lab.call("PublishVersion", FunctionName="f")["Version"]
    lab.settle()
    assert before == "$LATEST" or int(number) > int(before)
    assert lab.invoke(Qualifier=number)["ExecutedVersion"] == number


CHANGES = {
    "create": ("CreateFunction", {"Publish": True}),
    "update of the code": ("UpdateFunctionCode", {"Publish": True}),
    "update of the configuration": ("UpdateFunctionConfiguration", {"Timeout": 7, "Layers": [LAYER]}),
    "publishing": ("PublishVersion", {}),
    "deletion of a version": ("DeleteFunction", {"Qualifier": "1"}),
    "deletion": ("DeleteFunction", {}),
    "publishing a layer": ("PublishLayerVersion", {"LayerName": "l"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_crash_at_any_step_leaves_the_function_as_it_was_or_as_it_shall_be(
    lab: Any, tmp_path_factory: Any, monkeypatch: Any, make_zip: Any, change: str
) -> None:
    operation, params = CHANGES[change]
    lab.call("PublishLayerVersion", LayerName="l", Content={"ZipFile": make_zip("layer")})
    if change != "create":
        lab.create(Publish=True)
        lab.call("UpdateFunctionConfiguration", FunctionName="f", Timeout=6)
        lab.settle()
        lab.call("CreateAlias", FunctionName="f", Name="live", FunctionVersion="$LATEST")
    before = everything(lab)
    lab.runner.run(idle())
    images = Images(lab.directory, tmp_path_factory.mktemp("images"), monkeypatch)
    with images.at_every_step():
        if operation == "CreateFunction":
            lab.create(**params)
        elif operation == "PublishLayerVersion":
            lab.call(operation, Content={"ZipFile": make_zip("two")}, **params)
        else:
            code = {"ZipFile": make_zip("two")} if operation == "UpdateFunctionCode" else {}
            lab.call(operation, FunctionName="f", **params, **code)
            if operation != "DeleteFunction":
                lab.settle()
    after = everything(lab)
    assert before != after
    found = []
    for image in images.taken:
        crashed = type(lab)(image)
        try:
            found.append(everything(crashed))
            goes_on(crashed, make_zip)
        finally:
            crashed.close()
    assert len(found) >= 2
    assert [each for each in found if each not in (before, after)] == []
    assert found[0] == before and found[-1] == after, "the copies don't span the change"
    assert found == sorted(found, key=lambda each: each == after), "what was there once has gone again"
