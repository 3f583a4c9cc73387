"""A policy's text to a Document, or what AWS says is wrong with it (facts/iam.md §1, §4).

Owns: the grammar of the three kinds of policies. Rule: what passes here can be compiled; nothing that a caller can
write raises anything but Malformed.
"""

import json
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec

from samovar.core.expressions import expression
from samovar.policy import conditions, principals
from samovar.policy.pattern import Values

LATEST = "2012-10-17"
_VERSIONS = (LATEST, "2008-10-17")
_DEPTH = 20
_SYNTAX = "Syntax errors in policy."
_MEMBERS = frozenset("Sid Effect Principal NotPrincipal Action NotAction Resource NotResource Condition".split())
_ACTION = expression(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?-]+", re.ASCII)
_SID = expression(r"[A-Za-z0-9]*", re.ASCII)


class Kind(Enum):
    IDENTITY = "identity"
    TRUST = "trust"
    RESOURCE = "resource"
    AUTHORIZER = "authorizer"
    """What a Lambda authorizer answers: an identity's, which may list no resource at all."""


class Malformed(Exception):
    """The message is AWS's text."""


class Statement(msgspec.Struct, frozen=True):
    allow: bool
    actions: Values
    but_actions: bool
    """The statement has NotAction: it is about all others."""
    resources: Values | None
    """None where it names none, as trust policies do: it is about whatever it belongs to. An empty list is about
    nothing."""
    but_resources: bool
    principals: principals.Named | None
    but_principals: bool
    conditions: tuple[tuple[conditions.Spelled, str, Values], ...]
    sid: str = ""


class Document(msgspec.Struct, frozen=True):
    statements: tuple[Statement, ...]
    variables: bool
    """Version 2012-10-17: `${...}` means something."""


def parse(text: str, kind: Kind) -> Document:
    """The policy in `text`; raises Malformed."""
    try:
        content = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError):
        raise Malformed("This policy contains invalid Json") from None
    return read(content, kind)


def read(content: object, kind: Kind) -> Document:
    """The policy in decoded JSON; raises Malformed."""
    if not isinstance(content, dict) or content.keys() - {"Version", "Id", "Statement"}:
        raise Malformed(_SYNTAX)
    version = content.get("Version", "2008-10-17")
    if version not in _VERSIONS:
        raise Malformed("Policy document must be version 2012-10-17 or greater.")
    if not isinstance(content.get("Id", ""), str) or "Statement" not in content:
        raise Malformed(_SYNTAX)
    given = content["Statement"]
    listed = given if isinstance(given, list) else [given]
    statements = tuple(_statement(each, kind) for each in listed)
    sids = [each["Sid"] for each in listed if each.get("Sid")]
    if len(set(sids)) < len(sids):
        raise Malformed("Statement IDs (SID) in a single policy must be unique.")
    return Document(statements, version == LATEST)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("duplicate keys")
    return found


def _constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _statement(given: object, kind: Kind) -> Statement:
    if not isinstance(given, dict) or given.keys() - _MEMBERS or given.get("Effect") not in ("Allow", "Deny"):
        raise Malformed(_SYNTAX)
    sid = given.get("Sid", "")
    if not isinstance(sid, str) or (kind is not Kind.RESOURCE and not _SID.fullmatch(sid)):
        raise Malformed(_SYNTAX)
    actions, but_actions = _pair(given, "Action")
    if not actions:
        raise Malformed("Policy statement must contain actions.")
    if not all(_ACTION.fullmatch(action) for action in actions):
        raise Malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    resources, but_resources = _resources(given, kind)
    named, but_principals = _principals(given, kind)
    return Statement(
        given["Effect"] == "Allow",
        actions,
        but_actions,
        resources,
        but_resources,
        named,
        but_principals,
        tuple(_conditions(given.get("Condition", {}))),
        sid,
    )


def _pair(given: Mapping[str, Any], name: str) -> tuple[Values, bool]:
    """The values of `X` or `NotX`, and whether it was the latter."""
    if name in given and f"Not{name}" in given:
        raise Malformed(_SYNTAX)
    return (_texts(given[f"Not{name}"]), True) if f"Not{name}" in given else (_texts(given.get(name, [])), False)


def _texts(given: object) -> Values:
    listed = given if isinstance(given, list) else [given]
    if not all(isinstance(each, str) for each in listed):
        raise Malformed(_SYNTAX)
    return tuple(listed)


def _resources(given: Mapping[str, Any], kind: Kind) -> tuple[Values | None, bool]:
    if kind is Kind.TRUST:
        for name in ("Resource", "NotResource"):
            if name in given:
                raise Malformed(f"Has prohibited field {name}")
        return None, False
    named = "Resource" in given or "NotResource" in given
    resources, but = _pair(given, "Resource")
    if (kind is Kind.IDENTITY and not resources) or (kind is Kind.AUTHORIZER and not named):
        raise Malformed("Policy statement must contain resources.")
    for resource in resources:
        if resource != "*" and not resource.startswith("arn:"):
            raise Malformed(f'Resource {resource} must be in ARN format or "*".')
    return (resources if named else None), but


def _principals(given: Mapping[str, Any], kind: Kind) -> tuple[principals.Named | None, bool]:
    here = [name for name in ("Principal", "NotPrincipal") if name in given]
    if kind in (Kind.IDENTITY, Kind.AUTHORIZER):
        if here:
            raise Malformed("Policy document should not specify a principal.")
        return None, False
    if not here:
        raise Malformed("Missing required field Principal")
    if len(here) == 2:
        raise Malformed(_SYNTAX)
    named = principals.read(given[here[0]])
    if isinstance(named, str):
        raise Malformed(named)
    return named, here[0] == "NotPrincipal"


def _conditions(given: object) -> list[tuple[conditions.Spelled, str, Values]]:
    if not isinstance(given, dict):
        raise Malformed(_SYNTAX)
    found = []
    for name, keys in given.items():
        operator = conditions.spelled(name)
        if operator is None or not isinstance(keys, dict):
            raise Malformed(_SYNTAX)
        for key, values in keys.items():
            if not key or "${" in key:
                raise Malformed(_SYNTAX)
            found.append((operator, key, _plain(values)))
    return found


def _plain(given: object) -> Values:
    """Values of a condition: texts, and numbers and booleans without quotes."""
    listed = given if isinstance(given, list) else [given]
    return tuple(_spelled(each) for each in listed)


def _spelled(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise Malformed(_SYNTAX)
