"""Stages: their shape, their patch paths, method settings and canaries (facts/apigateway.md §2). Pure."""

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

from samovar.services.apigateway import patch
from samovar.services.apigateway.patch import boolean, integer, number, text
from samovar.services.apigateway.state import Shape, bad

NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_VARIABLE = re.compile(r"[A-Za-z0-9_]{1,64}")
_VARIABLE_VALUE = re.compile(r"[A-Za-z0-9\-._~:/?#&=,]{1,512}")
SIZES = ("0.5", "1.6", "6.1", "13.5", "28.4", "58.2", "118", "237")
_RULES: patch.Rules = {
    "/deploymentId": text(),
    "/description": text(),
    "/cacheClusterEnabled": boolean(),
    "/cacheClusterSize": text(),
    "/clientCertificateId": text("replace remove"),
    "/accessLogSettings": text("remove"),
    "/accessLogSettings/destinationArn": text("add replace remove"),
    "/accessLogSettings/format": text("add replace remove"),
    "/documentationVersion": text("replace remove"),
    "/tracingEnabled": boolean(),
    "/variables/*": text("add replace remove"),
    "/canarySettings": text("remove"),
    "/canarySettings/percentTraffic": number(),
    "/canarySettings/deploymentId": text(),
    "/canarySettings/useStageCache": boolean(),
    "/canarySettings/stageVariableOverrides/*": text("add replace remove"),
}
_SETTINGS: Mapping[str, tuple[str, patch.Rule]] = {
    "metrics/enabled": ("metricsEnabled", boolean()),
    "logging/dataTrace": ("dataTraceEnabled", boolean()),
    "logging/loglevel": ("loggingLevel", text()),
    "throttling/burstLimit": ("throttlingBurstLimit", integer()),
    "throttling/rateLimit": ("throttlingRateLimit", number()),
    "caching/ttlInSeconds": ("cacheTtlInSeconds", integer()),
    "caching/enabled": ("cachingEnabled", boolean()),
    "caching/dataEncrypted": ("cacheDataEncrypted", boolean()),
    "caching/requireAuthorizationForCacheControl": ("requireAuthorizationForCacheControl", boolean()),
    "caching/unauthorizedCacheControlHeaderStrategy": ("unauthorizedCacheControlHeaderStrategy", text()),
}
_DEFAULTS: Shape = {
    "metricsEnabled": False,
    "dataTraceEnabled": False,
    "throttlingBurstLimit": 5000,
    "throttlingRateLimit": 10000.0,
    "cachingEnabled": True,
    "cacheTtlInSeconds": 300,
    "cacheDataEncrypted": False,
    "requireAuthorizationForCacheControl": True,
    "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
}


def made(name: str, deployment: str, given: Mapping[str, Any], now: float) -> Shape:
    """A new stage."""
    if not NAME.fullmatch(name):
        raise bad("Stage name only allows a-zA-Z0-9_-")
    stage: Shape = {"stageName": name, "deploymentId": deployment}
    for member in ("description", "variables", "documentationVersion", "cacheClusterSize", "tags"):
        if given.get(member):
            stage[member] = given[member]
    cached = bool(given.get("cacheClusterEnabled"))
    if cached:
        stage.setdefault("cacheClusterSize", "0.5")
    stage |= {
        "cacheClusterEnabled": cached,
        "cacheClusterStatus": "AVAILABLE" if cached else "NOT_AVAILABLE",
        "methodSettings": {},
        "tracingEnabled": bool(given.get("tracingEnabled")),
        "createdDate": int(now),
        "lastUpdatedDate": int(now),
    }
    if given.get("canarySettings"):
        stage["canarySettings"] = canary(given["canarySettings"], deployment)
    check(stage)
    return stage


def canary(given: Mapping[str, Any], deployment: str) -> Shape:
    found: Shape = {
        "deploymentId": given.get("deploymentId") or deployment,
        "percentTraffic": float(given.get("percentTraffic") or 0.0),
        "useStageCache": bool(given.get("useStageCache")),
    }
    if given.get("stageVariableOverrides"):
        found["stageVariableOverrides"] = given["stageVariableOverrides"]
    return found


def check(stage: Shape) -> None:
    overrides = (stage.get("canarySettings") or {}).get("stageVariableOverrides") or {}
    for name, value in [*(stage.get("variables") or {}).items(), *overrides.items()]:
        if not _VARIABLE.fullmatch(name):
            raise bad("Stage variable name only allows a-zA-Z0-9_")
        if not _VARIABLE_VALUE.fullmatch(value):
            raise bad(
                f"Invalid stage variable value: {value}. Please use values with alphanumeric characters and the "
                "symbols ' ', -', '.', '_', ':', '/', '?', '&', '=', and ','."
            )
    size = stage.get("cacheClusterSize")
    if size and size not in SIZES:
        raise bad(f"Invalid cache cluster size specified. Valid options are {', '.join(SIZES)}")
    percent = (stage.get("canarySettings") or {}).get("percentTraffic", 0.0)
    if not 0 <= percent <= 100:
        raise bad("Percent traffic must be between 0.0 and 100.0")


def patched(stage: Shape, operations: Sequence[Mapping[str, Any]], now: float) -> Shape:
    """The stage after an UpdateStage; that its deployments exist is the caller's to check."""
    found = copy.deepcopy(stage)
    for operation in operations:
        op, path = operation.get("op") or "", operation.get("path") or ""
        names = patch.tokens(path)
        if op == "copy":
            _promote(found, path, operation.get("from") or "")
        elif names[0] in ("canarySettings", "variables", "accessLogSettings") or len(names) == 1:
            found = _plain(found, operation, names)
        else:
            _set(found, op, path, names, operation.get("value"))
    found["cacheClusterStatus"] = "AVAILABLE" if found.get("cacheClusterEnabled") else "NOT_AVAILABLE"
    if found.get("cacheClusterEnabled"):
        found.setdefault("cacheClusterSize", "0.5")
    found["lastUpdatedDate"] = int(now)
    check(found)
    return found


def _plain(stage: Shape, operation: Mapping[str, Any], names: Sequence[str]) -> Shape:
    changed = patch.apply(stage, [operation], _RULES)
    if names[0] == "canarySettings" and "canarySettings" in changed:
        changed["canarySettings"] = canary(changed["canarySettings"], stage["deploymentId"])
    if names[0] in ("variables", "accessLogSettings") and not changed.get(names[0]):
        changed.pop(names[0], None)
    return changed


def _promote(stage: Shape, path: str, source: str) -> None:
    """`copy` is there for canaries: what they have becomes the stage's."""
    if path not in ("/deploymentId", "/variables") or source not in (
        "/canarySettings/deploymentId",
        "/canarySettings/stageVariableOverrides",
    ):
        raise bad(
            "Invalid copy operation with path: "
            f"{path} and from {source}. Valid copy:path are [/deploymentId, /variables] and valid copy:from are "
            "[/canarySettings/deploymentId, /canarySettings/stageVariableOverrides]"
        )
    if "canarySettings" not in stage:
        raise bad("Promotion not available. Canary does not exist.")
    if path == "/deploymentId":
        stage["deploymentId"] = stage["canarySettings"]["deploymentId"]
    else:
        overrides = stage["canarySettings"].get("stageVariableOverrides") or {}
        merged = {**(stage.get("variables") or {}), **overrides}
        if merged:
            stage["variables"] = merged


def _set(stage: Shape, op: str, path: str, names: Sequence[str], value: str | None) -> None:
    """A method setting: `/pets~1{id}/GET/throttling/rateLimit`, `/*/*/logging/loglevel`."""
    settings = stage.setdefault("methodSettings", {})
    written = path.lstrip("/").split("/")
    if len(names) == 2 and op == "remove":
        key = _key(written)
        if key not in settings:
            raise bad(
                f"Cannot remove method setting {'/'.join(names)} because there is no method setting for this method "
            )
        del settings[key]
        return
    found = _SETTINGS.get("/".join(names[-2:]))
    if found is None or len(names) < 4 or op != "replace":
        known = ", ".join(["/deploymentId", "/description", "/variables/{name}", *_paths()])
        raise bad(f"Invalid method setting path: {path}. Must be one of: [{known}]")
    member, rule = found
    key = _key(written[:-2])
    settings[key] = {**_DEFAULTS, **settings.get(key, {}), member: rule.read(value or "")}


def _key(written: Sequence[str]) -> str:
    """Of a method's settings: the path as the patch spells it, without the slash that a resource begins with."""
    *resource, method = written
    path = "/".join(resource)
    return f"{path.removeprefix('~1') if path != '~1' else path}/{method}"


def _paths() -> list[str]:
    return [f"/{{resourcePath}}/{{httpMethod}}/{name}" for name in _SETTINGS]
