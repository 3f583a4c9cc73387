"""Settings of a bucket that must hold together: policies, CORS, lifecycle rules.

Pure. Source: facts/s3.md §10.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from samovar.core.context import Params
from samovar.core.errors import AwsError
from samovar.core.ids import hex_id
from samovar.services.s3 import given
from samovar.services.s3.records import Bucket

_METHODS: Final = ("GET", "PUT", "HEAD", "POST", "DELETE")
_POLICY_LIMIT: Final = 20 * 1024
_NARROWING: Final = ("aws:sourcearn", "aws:sourceaccount", "aws:principalorgid", "aws:sourcevpc", "aws:sourcevpce")


def check_policy(text: str, bucket: Bucket) -> bool:
    """Whether a policy makes the bucket public. Raises MalformedPolicy."""
    if len(text.encode()) > _POLICY_LIMIT:
        raise _malformed("Policy document exceeds the maximum allowed size")
    try:
        policy = msgspec.json.decode(text)
    except msgspec.DecodeError:
        policy = None
    if not isinstance(policy, dict):
        raise _malformed("Policies must be valid JSON and the first byte must be '{'")
    statements = policy.get("Statement")
    if not statements:
        raise _malformed("Missing required field Statement")
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not all(isinstance(each, dict) for each in statements):
        raise _malformed("Policies must be valid JSON and the first byte must be '{'")
    for statement in statements:
        if statement.get("Effect") not in ("Allow", "Deny"):
            raise _malformed("Invalid effect: " + str(statement.get("Effect")))
        if not statement.get("Principal") and not statement.get("NotPrincipal"):
            raise _malformed("Missing required field Principal")
        if not statement.get("Action") and not statement.get("NotAction"):
            raise _malformed("Missing required field Action")
        if not all(_is_inside(resource, bucket) for resource in _listed(statement.get("Resource"))):
            raise _malformed("Policy has invalid resource")
    return any(_is_public(statement) for statement in statements)


def check_cors(configuration: Params) -> None:
    found = configuration.get("CORSRules") or []
    if not 0 < len(found) <= 100:
        raise given.malformed()
    for rule in found:
        for method in rule.get("AllowedMethods") or []:
            if method not in _METHODS:
                text = f"Found unsupported HTTP method in CORS config. Unsupported method is {method}"
                raise AwsError("InvalidRequest", text)
        for origin in [*(rule.get("AllowedOrigins") or []), *(rule.get("AllowedHeaders") or [])]:
            if origin.count("*") > 1:
                text = f'AllowedOrigin "{origin}" can not have more than one wildcard.'
                raise AwsError("InvalidRequest", text)


def lifecycle(configuration: Params) -> Params:
    """The rules, each with an id. Raises MalformedXML, InvalidArgument, InvalidRequest."""
    found = configuration.get("Rules") or []
    if not 0 < len(found) <= 1000:
        raise given.malformed()
    checked = [_lifecycle_rule(rule) for rule in found]
    ids = [rule["ID"] for rule in checked]
    if len(set(ids)) != len(ids):
        raise AwsError("InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule")
    return {"Rules": checked}


def _lifecycle_rule(rule: Params) -> Params:
    if rule.get("Status") not in ("Enabled", "Disabled"):
        raise given.malformed()
    acts = ("Expiration", "NoncurrentVersionExpiration", "Transitions", "NoncurrentVersionTransitions")
    if not any(rule.get(name) for name in (*acts, "AbortIncompleteMultipartUpload")):
        text = "At least one action needs to be specified in a rule"
        raise AwsError("InvalidRequest", text)
    date = (rule.get("Expiration") or {}).get("Date")
    if date is not None and date % 86_400:
        raise AwsError("InvalidArgument", "'Date' must be at midnight GMT")
    tags = ((rule.get("Filter") or {}).get("And") or {}).get("Tags") or []
    if len({tag["Key"] for tag in tags}) != len(tags):
        raise AwsError("InvalidRequest", "Duplicate Tag Keys are not allowed.")
    if len(rule.get("ID") or "") > 255:
        raise AwsError("InvalidArgument", "ID length should not exceed allowed limit of 255")
    return {**rule, "ID": rule.get("ID") or hex_id(32)}


def _is_inside(resource: object, bucket: Bucket) -> bool:
    if not isinstance(resource, str) or not resource.startswith("arn:aws:s3:::"):
        return False
    name = resource.removeprefix("arn:aws:s3:::").partition("/")[0]
    return name in (bucket.name, "*", f"{bucket.name}*")


def _is_public(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    everybody = principal == "*" or (isinstance(principal, dict) and "*" in _listed(principal.get("AWS")))
    conditions = statement.get("Condition") or {}
    keys = {key.lower() for block in conditions.values() for key in block} if isinstance(conditions, dict) else set()
    return statement.get("Effect") == "Allow" and everybody and not keys & set(_NARROWING)


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _malformed(text: str) -> AwsError:
    return AwsError("MalformedPolicy", text)
