"""boto3 made ready, once in the zygote, for the functions that will make clients.

A client is mostly read: 400 folders are listed, models and endpoints are JSON of some megabytes. botocore keeps what it
has read in a session's loader; here every new loader begins with what one has read before. Where a function names more
folders (AWS_DATA_PATH), a loader begins with nothing, and so does that of a boto3 which the function brings along.

What nobody has asked for is kept packed, as Python keeps its own code: models in files beside the compiled modules,
which take no memory, and a millisecond each when asked for; endpoints service by service, as a client reads one's.
"""

from __future__ import annotations

import gc
import importlib
import marshal
import mmap
import os
import sys
import traceback
from typing import Any  # noqa: F401 - in the types

import samovar_hooks
import samovar_tls

_MODULES = "boto3.session boto3.s3.inject botocore.auth botocore.httpsession botocore.parsers".split()
_DATA = "endpoints partitions sdk-default-configuration _retry".split()
_SERVICES = "s3 sqs dynamodb sns lambda events secretsmanager sts".split()
_KINDS = ("service-2", "endpoint-rule-set-1")
_AT_ONCE = getattr(mmap, "MAP_POPULATE", 0)  # since 3.10
_MOST_HERE = 1 << 14
"""Bytes of something packed that aren't worth a file."""


def prepare():
    # type: () -> int
    """Import it, read what most functions will, go once the way to a client. Returns the megabytes that the data takes,
    which no function has asked for yet."""
    for name in _MODULES:
        importlib.import_module(name)
    samovar_tls.adopt()
    before = _anonymous_mb()
    loaders = importlib.import_module("botocore.loaders")  # type: Any
    folders = list(loaders.Loader().search_paths)
    told = _read_apart(loaders)
    known = _known(told)
    _share(known, folders, loaders)
    # A client writes into its endpoints what it has found out.
    samovar_hooks.adopt(lambda: _rehearse(loaders.Loader()))
    known.clear()
    gc.collect()
    known.update(_known(told))
    return max(_anonymous_mb() - before, 0)


def _read_apart(loaders):
    # type: (Any) -> bytes
    """What a loader knows that has read what most functions will, packed. Read in a process that goes: what it leaves
    behind between the objects would be a third of its memory."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(told)
            with open(tell, "wb") as file:
                marshal.dump(_packed(_read(loaders)), file)
            os._exit(0)
        except Exception:  # noqa: BLE001 - functions read for themselves then
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(tell)
    with open(told, "rb") as file:
        known = file.read()
    _, status = os.waitpid(child, 0)
    return marshal.dumps([]) if status else known


def _read(loaders):
    # type: (Any) -> dict
    """The cache of a loader that has read."""
    loaders.OrderedDict = _Strings().shared  # a dict has the same order
    loader = loaders.Loader()
    _rehearse(loader)  # boto3 adds a folder of its own
    for kind in _KINDS:
        for service in set(_SERVICES).intersection(loader.list_available_services(kind)):
            loader.load_service_model(service, kind)
    # A client writes into the endpoints what it has found out about its own.
    loader._cache = {key: value for key, value in loader._cache.items() if "endpoints" not in key}
    for name in _DATA:
        try:
            loader.load_data(name)
        except loaders.DataNotFoundError:
            pass  # an older botocore
    return loader._cache


class _Strings:
    """Keeps one of equal strings, which are then written and read once as well."""

    def __init__(self):
        # type: () -> None
        self._known = {}  # type: dict[str, str]

    def shared(self, pairs):
        # type: (list[tuple[str, Any]]) -> dict[str, Any]
        keep = self._known.setdefault
        return {key: keep(value, value) if type(value) is str else value for key, value in pairs}


def _rehearse(loader):
    # type: (Any) -> None
    """Go once the way to a client, which imports and remembers a few things."""
    session = importlib.import_module("botocore.session").Session()
    session.register_component("data_loader", loader)
    boto3 = importlib.import_module("boto3.session")
    boto3.Session("rehearsal", "rehearsal", region_name="us-east-1", botocore_session=session).client("sqs")


def _packed(cache):
    # type: (dict) -> list
    """A loader's cache, as (key, what was found, whether that is its path). Of what was made of another entry, only
    that one."""
    derived = {"load_service_model"}
    if any(key[0] == "load_data_with_path" for key in cache):  # an older botocore has no such step
        derived.add("load_data")
    packed = []
    for key, found in cache.items():
        if key[0] in derived:
            continue
        if "endpoints" in key:
            for partition in _partitions(found):
                partition["services"] = {name: marshal.dumps(data) for name, data in partition["services"].items()}
        elif key[0].startswith("load_"):
            found = marshal.dumps(found)
        filed = type(found) is bytes and len(found) > _MOST_HERE
        packed.append((key, _filed("-".join(map(str, key)), found) if filed else found, filed))
    return packed


def _partitions(endpoints):
    # type: (Any) -> list
    """Of what a loader has found; an older botocore's finds nothing but the data."""
    return (endpoints[0] if isinstance(endpoints, tuple) else endpoints)["partitions"]


def _filed(name, content):
    # type: (str, bytes) -> str
    """The path of a new file, beside what the interpreter has compiled."""
    assert sys.pycache_prefix is not None
    path = os.path.join(sys.pycache_prefix, name.replace("/", "-"))
    with open(path + ".new", "wb") as file:
        file.write(content)
    os.replace(path + ".new", path)  # the forks of another zygote may read it
    return path


def _known(packed):
    # type: (bytes) -> dict
    """What loaders begin with."""
    known = {}
    for key, found, filed in marshal.loads(packed):
        if "endpoints" in key:
            for partition in _partitions(found):
                partition["services"] = _Known(partition["services"])
        known[key] = _File(found) if filed else found
    return known


class _File(str):
    """The path of something packed."""


def _unfiled(path):
    # type: (str) -> Any
    """What is packed there. It is unpacked where the kernel keeps it: reading it would fill as many new pages first."""
    how = (mmap.MAP_PRIVATE | _AT_ONCE, mmap.PROT_READ)
    with open(path, "rb", 0) as file, mmap.mmap(file.fileno(), 0, *how) as content:
        return marshal.loads(content)


class _Known(dict):
    """A dict with packed values; each is unpacked when it is asked for."""

    def __getitem__(self, key):
        # type: (object) -> Any
        found = dict.__getitem__(self, key)
        if type(found) is _File:
            found = self[key] = _unfiled(found)
        elif type(found) is bytes:  # JSON has none
            found = self[key] = marshal.loads(found)
        return found

    def get(self, key, default=None):
        # type: (object, object) -> Any
        return self[key] if key in self else default  # noqa: SIM401

    def __iter__(self):
        # type: () -> Any
        """Of its own, so that `dict` and the like take its values by `__getitem__`."""
        return dict.__iter__(self)


def _on_the_whole(name):
    # type: (str) -> Any
    def method(self, *given):
        # type: (_Known, object) -> Any
        for key in self:
            self[key]
        return getattr(dict, name)(self, *given)

    return method


for _name in "items values pop popitem setdefault copy __eq__ __ne__ __or__ __ror__ __repr__ __reduce_ex__".split():
    setattr(_Known, _name, _on_the_whole(_name))


def _share(known, folders, loaders):
    # type: (dict, list, Any) -> None
    """Loaders for these folders begin with what is known of them."""

    class Loader(loaders.Loader):  # type: ignore[misc]
        def __init__(self, *given, **named):
            # type: (object, object) -> None
            super().__init__(*given, **named)
            if list(self.search_paths) == folders:
                self._cache = _Known(known)

    loaders.Loader = Loader


def _anonymous_mb():
    # type: () -> int
    with open("/proc/self/status") as status:
        return next((int(line.split()[1]) >> 10 for line in status if line.startswith("RssAnon:")), 0)
