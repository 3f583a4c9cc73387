"""Access control lists, as a bucket has them whose ACLs are disabled: everything is the owner's.

Pure. Source: facts/s3.md §2 (Get/PutBucketAcl), §10. ACLs that give something to others are refused, in AWS's words:
every bucket here is BucketOwnerEnforced in effect, as AWS's new ones are.
"""


from samovar.core.context import Params
from samovar.core.errors import AwsError
from samovar.services.s3.records import owner_id

_CANNED = frozenset(
    {"private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read", "bucket-owner-read"}
) | {"bucket-owner-full-control", "log-delivery-write"}
_OWNERS = frozenset({"private", "bucket-owner-full-control"})
_GRANTS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")


def of(account: str) -> Params:
    """What GetBucketAcl and GetObjectAcl answer."""
    id = owner_id(account)
    grantee = {"ID": id, "Type": "CanonicalUser"}
    return {"Owner": {"ID": id}, "Grants": [{"Grantee": grantee, "Permission": "FULL_CONTROL"}]}


def check(account: str, params: Params) -> None:
    """Raises AccessControlListNotSupported for an ACL that gives something away, and errors for malformed ones."""
    canned, grants = params.get("ACL"), [params[name] for name in _GRANTS if params.get(name)]
    if canned and grants:
        raise AwsError("InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed")
    if canned and canned not in _CANNED:
        raise AwsError("InvalidArgument", "", ArgumentName="x-amz-acl", ArgumentValue=canned)
    policy = params.get("AccessControlPolicy") or {}
    id = owner_id(account)
    others = [
        grant
        for grant in policy.get("Grants") or []
        if grant.get("Grantee", {}).get("ID") != id or grant.get("Permission") != "FULL_CONTROL"
    ]
    if others or any(grant != f'id="{id}"' for grant in grants) or (canned and canned not in _OWNERS):
        raise AwsError("AccessControlListNotSupported", "The bucket does not allow ACLs")
    if not (canned or grants or policy):
        raise AwsError("MissingSecurityHeader", "Your request was missing a required header")
