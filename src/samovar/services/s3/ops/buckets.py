"""CreateBucket, DeleteBucket, HeadBucket, ListBuckets, GetBucketLocation, versioning (facts/s3.md §2, §12)."""

import ipaddress
import re
from typing import Final

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.s3 import given
from samovar.services.s3.pages import read_token, write_token
from samovar.services.s3.records import Bucket, owner_id
from samovar.services.s3.state import S3

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIXES: Final = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES: Final = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_REGION: Final = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]")
_HOME: Final = "us-east-1"
_MOST: Final = 10_000


async def create_bucket(s3: S3, ctx: Context, params: Params) -> Params:
    name = params["Bucket"]
    if not _is_name(name):
        raise AwsError("InvalidBucketName", "The specified bucket is not valid.", BucketName=name)
    configuration = params.get("CreateBucketConfiguration") or {}
    region = _region(ctx, configuration.get("LocationConstraint"))
    location = f"/{name}" if region == _HOME else f"{ctx.endpoint}/{name}"
    existing = s3.buckets.get((name,))
    if existing is not None:
        if existing.account != ctx.account:
            raise AwsError(
                "BucketAlreadyExists",
                "The requested bucket name is not available. The bucket namespace is shared by all users of the "
                "system. Please select a different name and try again.",
                BucketName=name,
            )
        if not existing.region == region == _HOME:
            text = "Your previous request to create the named bucket succeeded and you already own it."
            raise AwsError("BucketAlreadyOwnedByYou", text, BucketName=name)
        return {"Location": location, "BucketArn": existing.arn}
    ownership = params.get("ObjectOwnership", "BucketOwnerEnforced")
    settings = {"ownershipControls": {"Rules": [{"ObjectOwnership": ownership}]}}
    tags = given.tag_set(configuration.get("Tags") or [], of_object=False)
    locked = bool(params.get("ObjectLockEnabledForBucket"))
    bucket = Bucket(
        name, ctx.account, region, s3.clock.now(), "Enabled" if locked else "", locked, {**settings, **_tagging(tags)}
    )
    await s3.buckets.put((name,), bucket)
    return {"Location": location, "BucketArn": bucket.arn}


async def delete_bucket(s3: S3, ctx: Context, params: Params) -> Params:
    bucket = s3.bucket(ctx, params)
    if not await s3.index.is_empty(bucket.name):
        text = "The bucket you tried to delete is not empty"
        if bucket.versioning:
            text += ". You must delete all versions in the bucket."
        raise AwsError("BucketNotEmpty", text, BucketName=bucket.name)
    for upload in await s3.index.uploads("bucket = ?", (bucket.name,), _MOST):
        await s3.forget(await s3.index.end(upload) or ())
    await s3.buckets.delete((bucket.name,))
    return {}


async def head_bucket(s3: S3, ctx: Context, params: Params) -> Params:
    bucket = s3.bucket(ctx, params)
    return {"BucketRegion": bucket.region, "AccessPointAlias": False, "BucketArn": bucket.arn}


async def list_buckets(s3: S3, ctx: Context, params: Params) -> Params:
    """The caller's, by name."""
    most = params.get("MaxBuckets")
    if most is not None and not 1 <= most <= _MOST:
        text = "Argument max-buckets must be an integer between 1 and 10000"
        raise AwsError("InvalidArgument", text, ArgumentName="max-buckets", ArgumentValue=most)
    region, prefix = params.get("BucketRegion"), params.get("Prefix") or ""
    if region is not None and not _REGION.fullmatch(region):
        text = f"Argument value {region} is not a valid AWS Region"
        raise AwsError("InvalidArgument", text, ArgumentName="bucket-region")
    after = read_token(params.get("ContinuationToken"), "continuation-token")
    mine = [
        bucket
        for _, bucket in s3.buckets.items()
        if bucket.account == ctx.account
        and bucket.name.startswith(prefix)
        and bucket.name > after
        and region in (None, bucket.region)
    ]
    shown = mine[: most or _MOST]
    paged = most is not None or region is not None
    answer: Params = {"Owner": {"ID": owner_id(ctx.account)}, "Buckets": [_listed(bucket, paged) for bucket in shown]}
    if prefix:
        answer["Prefix"] = prefix
    if len(mine) > len(shown):
        answer["ContinuationToken"] = write_token(shown[-1].name)
    return answer


async def get_bucket_location(s3: S3, ctx: Context, params: Params) -> Params:
    bucket = s3.bucket(ctx, params)
    return {} if bucket.region == _HOME else {"LocationConstraint": bucket.region}


async def get_bucket_versioning(s3: S3, ctx: Context, params: Params) -> Params:
    bucket = s3.bucket(ctx, params)
    return {"Status": bucket.versioning} if bucket.versioning else {}


async def put_bucket_versioning(s3: S3, ctx: Context, params: Params) -> Params:
    """MFA delete is refused: there is no MFA here."""
    bucket = s3.bucket(ctx, params)
    configuration = params["VersioningConfiguration"]
    status = configuration.get("Status")
    if status not in ("Enabled", "Suspended"):
        raise AwsError("IllegalVersioningConfigurationException", "The Versioning element must be specified")
    if configuration.get("MFADelete") == "Enabled":
        raise AwsError("NotImplemented", "MFA delete is not implemented by this server.")
    if status == "Suspended" and bucket.object_lock:
        text = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
        raise AwsError("InvalidBucketState", text)
    await s3.buckets.put((bucket.name,), msgspec.structs.replace(bucket, versioning=status))
    return {}


def _listed(bucket: Bucket, paged: bool) -> Params:
    listed: Params = {"Name": bucket.name, "CreationDate": float(int(bucket.created)), "BucketArn": bucket.arn}
    return {**listed, "BucketRegion": bucket.region} if paged else listed


def _tagging(tags: dict[str, str]) -> Params:
    return {"tagging": {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}} if tags else {}


def _is_name(name: str) -> bool:
    if not _NAME.fullmatch(name) or ".." in name or name.startswith(_PREFIXES) or name.endswith(_SUFFIXES):
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return True
    return False


def _region(ctx: Context, constraint: str | None) -> str:
    """Where the bucket goes. Raises InvalidLocationConstraint, IllegalLocationConstraintException."""
    if constraint is None:
        if ctx.region == _HOME:
            return _HOME
        raise _illegal("unspecified")
    if constraint == "EU":
        return "eu-west-1"
    if constraint == _HOME or not _REGION.fullmatch(constraint):
        text = "The specified location-constraint is not valid"
        raise AwsError("InvalidLocationConstraint", text, LocationConstraint=constraint)
    if ctx.region not in (_HOME, constraint):
        raise _illegal(constraint)
    return constraint


def _illegal(constraint: str) -> AwsError:
    text = f"The {constraint} location constraint is incompatible for the region specific endpoint this request was "
    return AwsError("IllegalLocationConstraintException", text + "sent to.")
