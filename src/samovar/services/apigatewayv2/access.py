"""What API Gateway v2's operations need to be allowed (service authorization reference, API Gateway Management V2)."""

from collections.abc import Callable, Sequence
from urllib.parse import quote

from samovar.core.access import Access, Need, on, pass_role
from samovar.core.context import Context, Params
from samovar.web.functions import PRINCIPAL
from samovar.web.resources import methods, path

_API = "/apis/{ApiId}"
_DOMAIN = "/domainnames/{DomainName}"


def _tagged(ctx: Context, params: Params) -> str:
    return f"arn:aws:apigateway:{ctx.region}::/tags/{quote(str(params['ResourceArn']), safe='')}"


_RESOURCES = on(
    (path("/apis"), "CreateApi GetApis ImportApi"),
    (path(_API), "GetApi UpdateApi DeleteApi ReimportApi"),
    (path(f"{_API}/cors"), "DeleteCorsConfiguration"),
    (path(f"{_API}/exports/{{Specification}}"), "ExportApi"),
    (path(f"{_API}/routes"), "CreateRoute GetRoutes"),
    (path(f"{_API}/routes/{{RouteId}}"), "GetRoute UpdateRoute DeleteRoute"),
    (path(f"{_API}/routes/{{RouteId}}/routeresponses"), "CreateRouteResponse GetRouteResponses"),
    (
        path(f"{_API}/routes/{{RouteId}}/routeresponses/{{RouteResponseId}}"),
        "GetRouteResponse UpdateRouteResponse DeleteRouteResponse",
    ),
    (path(f"{_API}/models"), "CreateModel GetModels"),
    (path(f"{_API}/models/{{ModelId}}"), "GetModel UpdateModel DeleteModel"),
    (path(f"{_API}/models/{{ModelId}}/template"), "GetModelTemplate"),
    (
        path(f"{_API}/integrations/{{IntegrationId}}/integrationresponses"),
        "CreateIntegrationResponse GetIntegrationResponses",
    ),
    (
        path(f"{_API}/integrations/{{IntegrationId}}/integrationresponses/{{IntegrationResponseId}}"),
        "GetIntegrationResponse UpdateIntegrationResponse DeleteIntegrationResponse",
    ),
    (path(f"{_API}/integrations"), "CreateIntegration GetIntegrations"),
    (path(f"{_API}/integrations/{{IntegrationId}}"), "GetIntegration UpdateIntegration DeleteIntegration"),
    (path(f"{_API}/stages"), "CreateStage GetStages"),
    (path(f"{_API}/stages/{{StageName}}"), "GetStage UpdateStage DeleteStage"),
    (path(f"{_API}/stages/{{StageName}}/accesslogsettings"), "DeleteAccessLogSettings"),
    (path(f"{_API}/stages/{{StageName}}/routesettings/{{RouteKey}}"), "DeleteRouteSettings"),
    (path(f"{_API}/stages/{{StageName}}/cache/authorizers"), "ResetAuthorizersCache"),
    (path(f"{_API}/routes/{{RouteId}}/requestparameters/{{RequestParameterKey}}"), "DeleteRouteRequestParameter"),
    (path(f"{_API}/authorizers"), "CreateAuthorizer GetAuthorizers"),
    (path(f"{_API}/authorizers/{{AuthorizerId}}"), "GetAuthorizer UpdateAuthorizer DeleteAuthorizer"),
    (path(f"{_API}/deployments"), "CreateDeployment GetDeployments"),
    (path(f"{_API}/deployments/{{DeploymentId}}"), "GetDeployment UpdateDeployment DeleteDeployment"),
    (path("/vpclinks"), "CreateVpcLink GetVpcLinks"),
    (path("/vpclinks/{VpcLinkId}"), "GetVpcLink UpdateVpcLink DeleteVpcLink"),
    (path("/domainnames"), "CreateDomainName GetDomainNames"),
    (path(_DOMAIN), "GetDomainName UpdateDomainName DeleteDomainName"),
    (path(f"{_DOMAIN}/apimappings"), "CreateApiMapping GetApiMappings"),
    (path(f"{_DOMAIN}/apimappings/{{ApiMappingId}}"), "GetApiMapping UpdateApiMapping DeleteApiMapping"),
    (path(f"{_DOMAIN}/routingrules"), "CreateRoutingRule ListRoutingRules"),
    (path(f"{_DOMAIN}/routingrules/{{RoutingRuleId}}"), "GetRoutingRule PutRoutingRule DeleteRoutingRule"),
    (_tagged, "TagResource UntagResource GetTags"),
)


def _role(member: str) -> Callable[[Context, Params], Sequence[Need]]:
    """Whoever gives API Gateway a role must be allowed to pass it."""

    def needs(ctx: Context, params: Params) -> Sequence[Need]:
        return [pass_role(params[member], PRINCIPAL)] if params.get(member) else []

    return needs


def access() -> Access:
    return Access(
        "apigateway",
        _RESOURCES,
        actions=methods(_RESOURCES),
        also=dict.fromkeys(("CreateApi", "CreateIntegration", "UpdateIntegration"), _role("CredentialsArn"))
        | dict.fromkeys(("CreateAuthorizer", "UpdateAuthorizer"), _role("AuthorizerCredentialsArn")),
    )
