"""What API Gateway's operations need to be allowed: its actions are HTTP methods, its resources the paths of its own
management API (service authorization reference, Amazon API Gateway Management)."""

from samovar.core.access import Access, Given, Resource, request_tags
from samovar.core.context import Context, Params
from samovar.web.resources import methods, path

_API = "/restapis/{restApiId}"
_METHOD = f"{_API}/resources/{{resourceId}}/methods/{{httpMethod}}"
_PATHS = {
    "/restapis": "CreateRestApi ImportRestApi GetRestApis",
    _API: "GetRestApi UpdateRestApi DeleteRestApi PutRestApi",
    f"{_API}/resources": "GetResources",
    f"{_API}/resources/{{parentId}}": "CreateResource",
    f"{_API}/resources/{{resourceId}}": "GetResource UpdateResource DeleteResource",
    _METHOD: "PutMethod GetMethod UpdateMethod DeleteMethod TestInvokeMethod",
    f"{_METHOD}/responses/{{statusCode}}": (
        "PutMethodResponse GetMethodResponse UpdateMethodResponse DeleteMethodResponse"
    ),
    f"{_METHOD}/integration": "PutIntegration GetIntegration UpdateIntegration DeleteIntegration",
    f"{_METHOD}/integration/responses/{{statusCode}}": (
        "PutIntegrationResponse GetIntegrationResponse UpdateIntegrationResponse DeleteIntegrationResponse"
    ),
    f"{_API}/deployments": "CreateDeployment GetDeployments",
    f"{_API}/deployments/{{deploymentId}}": "GetDeployment UpdateDeployment DeleteDeployment",
    f"{_API}/stages": "CreateStage GetStages",
    f"{_API}/stages/{{stageName}}": "GetStage UpdateStage DeleteStage",
    f"{_API}/stages/{{stageName}}/cache/data": "FlushStageCache",
    f"{_API}/stages/{{stageName}}/cache/authorizers": "FlushStageAuthorizersCache",
    f"{_API}/stages/{{stageName}}/exports/{{exportType}}": "GetExport",
    f"{_API}/stages/{{stageName}}/sdks/{{sdkType}}": "GetSdk",
    f"{_API}/authorizers": "CreateAuthorizer GetAuthorizers",
    f"{_API}/authorizers/{{authorizerId}}": "GetAuthorizer UpdateAuthorizer DeleteAuthorizer TestInvokeAuthorizer",
    f"{_API}/models": "CreateModel GetModels",
    f"{_API}/models/{{modelName}}": "GetModel UpdateModel DeleteModel",
    f"{_API}/models/{{modelName}}/default_template": "GetModelTemplate",
    f"{_API}/requestvalidators": "CreateRequestValidator GetRequestValidators",
    f"{_API}/requestvalidators/{{requestValidatorId}}": (
        "GetRequestValidator UpdateRequestValidator DeleteRequestValidator"
    ),
    f"{_API}/gatewayresponses": "GetGatewayResponses",
    f"{_API}/gatewayresponses/{{responseType}}": (
        "PutGatewayResponse GetGatewayResponse UpdateGatewayResponse DeleteGatewayResponse"
    ),
    f"{_API}/documentation/parts": "CreateDocumentationPart GetDocumentationParts ImportDocumentationParts",
    f"{_API}/documentation/parts/{{documentationPartId}}": (
        "GetDocumentationPart UpdateDocumentationPart DeleteDocumentationPart"
    ),
    f"{_API}/documentation/versions": "CreateDocumentationVersion GetDocumentationVersions",
    f"{_API}/documentation/versions/{{documentationVersion}}": (
        "GetDocumentationVersion UpdateDocumentationVersion DeleteDocumentationVersion"
    ),
    "/apikeys": "CreateApiKey GetApiKeys ImportApiKeys",
    "/apikeys/{apiKey}": "GetApiKey UpdateApiKey DeleteApiKey",
    "/usageplans": "CreateUsagePlan GetUsagePlans",
    "/usageplans/{usagePlanId}": "GetUsagePlan UpdateUsagePlan DeleteUsagePlan",
    "/usageplans/{usagePlanId}/usage": "GetUsage",
    "/usageplans/{usagePlanId}/keys": "CreateUsagePlanKey GetUsagePlanKeys",
    "/usageplans/{usagePlanId}/keys/{keyId}": "GetUsagePlanKey DeleteUsagePlanKey",
    "/usageplans/{usagePlanId}/keys/{keyId}/usage": "UpdateUsage",
    "/domainnames": "CreateDomainName GetDomainNames",
    "/domainnames/{domainName}": "GetDomainName UpdateDomainName DeleteDomainName",
    "/domainnames/{domainName}/basepathmappings": "CreateBasePathMapping GetBasePathMappings",
    "/domainnames/{domainName}/basepathmappings/{basePath}": (
        "GetBasePathMapping UpdateBasePathMapping DeleteBasePathMapping"
    ),
    "/domainnameaccessassociations": "CreateDomainNameAccessAssociation GetDomainNameAccessAssociations",
    "/domainnameaccessassociations/{domainNameAccessAssociationArn}": "DeleteDomainNameAccessAssociation",
    "/vpclinks": "CreateVpcLink GetVpcLinks",
    "/vpclinks/{vpcLinkId}": "GetVpcLink UpdateVpcLink DeleteVpcLink",
    "/clientcertificates": "GenerateClientCertificate GetClientCertificates",
    "/clientcertificates/{clientCertificateId}": (
        "GetClientCertificate UpdateClientCertificate DeleteClientCertificate"
    ),
    "/sdktypes": "GetSdkTypes",
    "/sdktypes/{id}": "GetSdkType",
    "/account": "GetAccount UpdateAccount",
    "/tags/{resourceArn}": "TagResource UntagResource GetTags",
}
_VERBS = {
    "GenerateClientCertificate": "POST",
    "ImportRestApi": "POST",
    "ImportApiKeys": "POST",
    "TestInvokeMethod": "POST",
    "TestInvokeAuthorizer": "POST",
    "TagResource": "PUT",
    "FlushStageCache": "DELETE",
    "FlushStageAuthorizersCache": "DELETE",
}


def access() -> Access:
    resources: dict[str, Resource] = {
        operation: path(template) for template, operations in _PATHS.items() for operation in operations.split()
    }
    return Access("apigateway", resources, actions={**methods(resources), **_VERBS}, facts=_facts)


def _facts(ctx: Context, operation: str, params: Params) -> Given:
    return request_tags(params.get("tags") or {})
