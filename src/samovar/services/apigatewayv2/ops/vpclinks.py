"""Create, get, update and delete VPC links.

There is no VPC on this server: a link is a record that integrations may name. What they lead to is reached directly.
"""

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2 import pages
from samovar.services.apigatewayv2.errors import not_found
from samovar.services.apigatewayv2.records import VpcLink, changed, made, shown
from samovar.services.apigatewayv2.state import State, letters


async def create_vpc_link(state: State, ctx: Context, params: Params) -> Params:
    link = made(VpcLink, params, vpc_link_id=letters(6), created_date=state.clock.now())
    await state.vpc_links.put((ctx.account, ctx.region, link.vpc_link_id), link)
    return shown(link)


async def get_vpc_link(state: State, ctx: Context, params: Params) -> Params:
    return shown(_found(state, ctx, params))


async def get_vpc_links(state: State, ctx: Context, params: Params) -> Params:
    found = ((key[2], link) for key, link in state.vpc_links.items((ctx.account, ctx.region)))
    page, more = pages.cut(found, params)
    return {"Items": [shown(link) for link in page], **more}


async def update_vpc_link(state: State, ctx: Context, params: Params) -> Params:
    link = changed(_found(state, ctx, params), {"Name": params["Name"]} if params.get("Name") else {})
    await state.vpc_links.put((ctx.account, ctx.region, link.vpc_link_id), link)
    return shown(link)


async def delete_vpc_link(state: State, ctx: Context, params: Params) -> Params:
    link = _found(state, ctx, params)
    await state.vpc_links.delete((ctx.account, ctx.region, link.vpc_link_id))
    return {}


def _found(state: State, ctx: Context, params: Params) -> VpcLink:
    link = state.vpc_links.get((ctx.account, ctx.region, params["VpcLinkId"]))
    if link is None:
        raise not_found("VpcLink", params["VpcLinkId"])
    return link
