"""Lifecycle policies: kept, shown, tried out. They are applied by `jobs`."""

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.ecr import errors, lifecycle, pages, view
from samovar.services.ecr.house import House
from samovar.services.ecr.records import Preview, Repository


async def put_lifecycle_policy(house: House, ctx: Context, params: Params) -> Params:
    """Evaluated every hour. Archives (`transition`) are refused."""
    found, text = house.state.repository(ctx, params), params["lifecyclePolicyText"]
    lifecycle.read(text)
    await house.state.change(found, lifecycle=text, lifecycle_evaluated=0.0)
    return {**view.place(found), "lifecyclePolicyText": text}


async def get_lifecycle_policy(house: House, ctx: Context, params: Params) -> Params:
    found = _with_policy(house.state.repository(ctx, params))
    return {**view.place(found), **_shown(found)}


async def delete_lifecycle_policy(house: House, ctx: Context, params: Params) -> Params:
    found = _with_policy(house.state.repository(ctx, params))
    await house.state.change(found, lifecycle="", lifecycle_evaluated=0.0)
    return {**view.place(found), **_shown(found)}


async def start_lifecycle_policy_preview(house: House, ctx: Context, params: Params) -> Params:
    """Complete at once."""
    state = house.state
    found = state.repository(ctx, params)
    text = params.get("lifecyclePolicyText") or _with_policy(found).lifecycle
    lifecycle.read(text)
    await state.change(found, preview=Preview(text, state.clock.now()))
    return {**view.place(found), "lifecyclePolicyText": text, "status": "IN_PROGRESS"}


async def get_lifecycle_policy_preview(house: House, ctx: Context, params: Params) -> Params:
    state = house.state
    found = state.repository(ctx, params)
    if found.preview is None:
        text = f"There is no lifecycle policy preview for the repository with name '{found.name}' in the registry "
        raise AwsError("LifecyclePolicyPreviewNotFoundException", f"{text}with id '{found.account}'")
    if params.get("imageIds") and (params.get("nextToken") or params.get("maxResults")):
        raise errors.invalid("imageIds", "imageIds cannot be combined with nextToken or maxResults")
    expiries = await state.expiries(found, found.preview.text, found.preview.started)
    wanted = (params.get("filter") or {}).get("tagStatus", "ANY")
    ids = params.get("imageIds")
    results = [
        (each.image.digest, _result(each))
        for each in sorted(expiries, key=lambda each: each.image.digest)
        if (wanted == "ANY" or bool(each.image.tags) is (wanted == "TAGGED")) and (not ids or _named(each, ids))
    ]
    page, more = ([result for _, result in results], {}) if ids else pages.cut(results, params)
    return {
        **view.place(found),
        "lifecyclePolicyText": found.preview.text,
        "status": "COMPLETE",
        "previewResults": page,
        "summary": {"expiringImageTotalCount": len(expiries)},
        **more,
    }


def _result(expiry: lifecycle.Expiry) -> Params:
    image = expiry.image
    return {
        "imageTags": list(image.tags),
        "imageDigest": image.digest,
        "imagePushedAt": image.pushed,
        "action": {"type": "EXPIRE"},
        **({"appliedRulePriority": expiry.priority} if expiry.priority else {}),
    }


def _named(expiry: lifecycle.Expiry, ids: list[Params]) -> bool:
    image = expiry.image
    return any(
        id.get("imageDigest", image.digest) == image.digest and ("imageTag" not in id or id["imageTag"] in image.tags)
        for id in ids
    )


def _with_policy(found: Repository) -> Repository:
    if not found.lifecycle:
        text = f"Lifecycle policy does not exist for the repository with name '{found.name}' in the registry with id "
        raise AwsError("LifecyclePolicyNotFoundException", f"{text}'{found.account}'")
    return found


def _shown(found: Repository) -> Params:
    evaluated = {"lastEvaluatedAt": found.lifecycle_evaluated} if found.lifecycle_evaluated else {}
    return {"lifecyclePolicyText": found.lifecycle, **evaluated}
