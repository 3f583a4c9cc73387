"""Tags of repositories."""

from samovar.core.context import Context, Params
from samovar.services.ecr import errors, tagging
from samovar.services.ecr.house import House
from samovar.services.ecr.records import Repository


async def tag_resource(house: House, ctx: Context, params: Params) -> Params:
    found = _tagged(house, params)
    both = {**found.tags, **tagging.checked(params["tags"])}
    tagging.count(both)
    await house.state.change(found, tags=both)
    return {}


async def untag_resource(house: House, ctx: Context, params: Params) -> Params:
    found, gone = _tagged(house, params), set(params["tagKeys"])
    await house.state.change(found, tags={key: value for key, value in found.tags.items() if key not in gone})
    return {}


async def list_tags_for_resource(house: House, ctx: Context, params: Params) -> Params:
    return {"tags": [{"Key": key, "Value": value} for key, value in _tagged(house, params).tags.items()]}


def _tagged(house: House, params: Params) -> Repository:
    text = params["resourceArn"]
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[2] != "ecr" or not parts[5].startswith("repository/"):
        raise errors.invalid("resourceArn", "Invalid ARN")
    found = house.state.by_arn(text)
    if found is None:
        raise errors.no_such_repository(parts[5].removeprefix("repository/"), parts[4])
    return found
