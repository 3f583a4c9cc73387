"""GetBucketNotificationConfiguration, PutBucketNotificationConfiguration (facts/s3.md §9.1)."""

import msgspec

from samovar.core.context import Context, Params
from samovar.services.s3 import targets
from samovar.services.s3.state import S3


async def get_bucket_notification_configuration(s3: S3, ctx: Context, params: Params) -> Params:
    return dict(s3.bucket(ctx, params).settings.get("notification", {}))


async def put_bucket_notification_configuration(s3: S3, ctx: Context, params: Params) -> Params:
    """Replaces everything; queues and topics get a test event."""
    bucket = s3.bucket(ctx, params)
    wanted = targets.checked(params["NotificationConfiguration"])
    if not params.get("SkipDestinationValidation"):
        await s3.notifications.greet(ctx, bucket, wanted)
    settings = {name: kept for name, kept in bucket.settings.items() if name != "notification"}
    if wanted:
        settings["notification"] = wanted
    await s3.buckets.put((bucket.name,), msgspec.structs.replace(bucket, settings=settings))
    return {}
