"""Domain name access associations: through which VPC endpoints a private custom domain is reached.

Rule: there are no VPC endpoints here, so an association names one by its id and nothing more (`web/private_domains`
says what that means). Associations with domains of other accounts aren't there, so nobody has any to reject.
"""

import re

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.apigateway import pages
from samovar.services.apigateway.state import Rest, Shape, bad, must
from samovar.web.domains import Association

_ENDPOINT = re.compile(r"vpce-[a-z0-9]+(-[a-z0-9]+)*")


async def create_domain_name_access_association(state: Rest, ctx: Context, params: Params) -> Params:
    """With domains of one's own account."""
    source = params["accessAssociationSource"]
    if params["accessAssociationSourceType"] != "VPCE" or not _ENDPOINT.fullmatch(source):
        raise bad("Invalid access association source specified")
    key = next((key for key, each in state.domains.private(ctx) if each.arn(key) == params["domainNameArn"]), None)
    key = must(key, "Invalid domain name identifier specified")
    if state.domains.associations.get((*key, source)) is not None:
        raise AwsError("ConflictException", "Domain name access association already exists.")
    name = f"{key[2]}/vpcesource/{source}"
    made = Association(
        arn=f"arn:aws:apigateway:{ctx.region}:{ctx.account}:/domainnameaccessassociations/domainname/{name}",
        domain=params["domainNameArn"],
        source=source,
        created_at=state.clock.now(),
        tags=params.get("tags") or {},
    )
    await state.domains.associations.put((*key, source), made)
    return _shown(made)


async def get_domain_name_access_associations(state: Rest, ctx: Context, params: Params) -> Params:
    """All are one's own."""
    found = (_shown(each) for _, each in state.domains.associations.items((ctx.account, ctx.region)))
    mine = () if params.get("resourceOwner") == "OTHER_ACCOUNTS" else found
    return pages.cut(mine, params, by="domainNameAccessAssociationArn")


async def delete_domain_name_access_association(state: Rest, ctx: Context, params: Params) -> Params:
    wanted = params["domainNameAccessAssociationArn"]
    associations = state.domains.associations
    key = next((key for key, each in associations.items((ctx.account, ctx.region)) if each.arn == wanted), None)
    await associations.delete(must(key, "Invalid domain name access association identifier specified"))
    return {}


def _shown(association: Association) -> Shape:
    shape: Shape = {
        "domainNameAccessAssociationArn": association.arn,
        "domainNameArn": association.domain,
        "accessAssociationSourceType": "VPCE",
        "accessAssociationSource": association.source,
    }
    return {**shape, "tags": association.tags} if association.tags else shape
