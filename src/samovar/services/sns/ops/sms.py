"""Text messages' settings; nobody opts out here (facts/sns.md §11)."""

import re

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.sns.house import House
from samovar.services.sns.state import Settings

_SENDER = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]{1,11}")
_NAMES = frozenset(
    {
        *("MonthlySpendLimit", "DeliveryStatusIAMRole", "DeliveryStatusSuccessSamplingRate", "DefaultSenderID"),
        *("DefaultSMSType", "UsageReportS3Bucket"),
    }
)


async def get_sms_attributes(house: House, ctx: Context, params: Params) -> Params:
    kept = _kept(house, ctx)
    names = params.get("attributes")
    return {"attributes": {name: value for name, value in kept.items() if not names or name in names}}


async def set_sms_attributes(house: House, ctx: Context, params: Params) -> Params:
    given: dict[str, str] = params["attributes"]
    for name, value in given.items():
        if name not in _NAMES:
            raise _invalid(f"{name} is not a valid attribute")
        if name == "DefaultSMSType" and value not in ("Promotional", "Transactional"):
            raise _invalid("DefaultSMSType is invalid")
        if name == "DefaultSenderID" and not _SENDER.fullmatch(value):
            raise _invalid("DefaultSenderID is invalid")
    kept = Settings({**_kept(house, ctx), **given})
    await house.state.settings.put((ctx.account, ctx.region), kept)
    return {}


async def check_if_phone_number_is_opted_out(house: House, ctx: Context, params: Params) -> Params:
    return {"isOptedOut": False}


async def list_phone_numbers_opted_out(house: House, ctx: Context, params: Params) -> Params:
    return {"phoneNumbers": []}


def _kept(house: House, ctx: Context) -> dict[str, str]:
    settings = house.state.settings.get((ctx.account, ctx.region))
    return {"MonthlySpendLimit": "1", **(settings.sms if settings else {})}


def _invalid(text: str) -> AwsError:
    return AwsError("InvalidParameterException", text)
