"""boto3 made ready, once in the zygote, for the functions that will make clients.

A client is mostly read: 400 folders are listed, models and endpoints are JSON of some megabytes. botocore keeps what it
has read in a session's loader; here every new loader begins with what one has read before. Where a function names more
folders (AWS_DATA_PATH), a loader begins with nothing, and so does that of a boto3 which the function brings along.
"""

from __future__ import annotations

import importlib
from typing import Any  # noqa: F401 - in the types

_MODULES = "boto3.session boto3.s3.inject botocore.auth botocore.httpsession botocore.parsers".split()
_DATA = "endpoints partitions sdk-default-configuration _retry".split()
_SERVICES = "s3 sqs dynamodb sns lambda events secretsmanager sts".split()
_KINDS = ("service-2", "endpoint-rule-set-1")


def prepare():
    # type: () -> int
    """Import it, read what most functions will, go once the way to a client. Returns the megabytes that the data takes,
    which no function has asked for yet."""
    for name in _MODULES:
        importlib.import_module(name)
    before = _anonymous_mb()
    loaders = importlib.import_module("botocore.loaders")  # type: Any
    loader = loaders.Loader()
    folders = list(loader.search_paths)
    _rehearse(loader)  # boto3 adds a folder of its own
    _read(loader, loaders.DataNotFoundError)
    _share(loader._cache, folders, loaders)
    return _anonymous_mb() - before


def _rehearse(loader):
    # type: (Any) -> None
    """Go once the way to a client, which imports and remembers a few things."""
    session = importlib.import_module("botocore.session").Session()
    session.register_component("data_loader", loader)
    boto3 = importlib.import_module("boto3.session")
    boto3.Session("rehearsal", "rehearsal", region_name="us-east-1", botocore_session=session).client("sqs")


def _read(loader, missing):
    # type: (Any, type[Exception]) -> None
    for kind in _KINDS:
        for service in set(_SERVICES).intersection(loader.list_available_services(kind)):
            loader.load_service_model(service, kind)
    # A client writes into the endpoints what it has found out about its own.
    loader._cache = {key: value for key, value in loader._cache.items() if "endpoints" not in key}
    for name in _DATA:
        try:
            loader.load_data(name)
        except missing:
            pass  # an older botocore


def _share(known, folders, loaders):
    # type: (dict, list, Any) -> None
    """Loaders for these folders begin with what is known of them."""

    class Loader(loaders.Loader):  # type: ignore[misc]
        def __init__(self, *given, **named):
            # type: (object, object) -> None
            super().__init__(*given, **named)
            if list(self.search_paths) == folders:
                self._cache.update(known)

    loaders.Loader = Loader


def _anonymous_mb():
    # type: () -> int
    with open("/proc/self/status") as status:
        return next((int(line.split()[1]) >> 10 for line in status if line.startswith("RssAnon:")), 0)
