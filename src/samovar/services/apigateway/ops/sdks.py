"""Generated clients: for JavaScript (API Gateway guide, "Generate SDKs for REST APIs in API Gateway")."""

import io
import zipfile
from datetime import UTC, datetime

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.apigateway import javascript, pages
from samovar.services.apigateway.state import Rest, Shape, bad, must
from samovar.web import front

_TYPES: dict[str, Shape] = {
    "javascript": {"id": "javascript", "friendlyName": "JavaScript", "configurationProperties": []},
}
_ELSEWHERE = ("android", "ios-objc", "ios-swift", "java", "ruby", "objectivec", "swift")
_FOLDER = "apiGateway-js-sdk"


async def get_sdk_types(state: Rest, ctx: Context, params: Params) -> Params:
    """JavaScript alone."""
    return pages.cut(_TYPES.values(), params)


async def get_sdk_type(state: Rest, ctx: Context, params: Params) -> Params:
    return must(_TYPES.get(params["id"]), "Invalid SDK Type specified")


async def get_sdk(state: Rest, ctx: Context, params: Params) -> Params:
    """For JavaScript: a client of ours that is called as AWS's is."""
    api = state.api(ctx, params["restApiId"])
    stage = state.stage(api, params["stageName"])
    if params["sdkType"] in _ELSEWHERE:
        raise AwsError("NotImplementedException", f"SDKs of the type {params['sdkType']} are not on this server yet.")
    if params["sdkType"] not in _TYPES:
        raise bad("Invalid SDK Type specified")
    definition = state.deployment(api, stage["deploymentId"]).definition
    resources = sorted((definition.path(each), each.id, each.methods) for each in definition.resources.values())
    address = f"{front.address(api.id, ctx.region, ctx.endpoint)}/{stage['stageName']}"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{_FOLDER}/apigClient.js", javascript.written(address, ctx.region, resources))
        listed = "".join(f"    client.{name}(params, body, additionalParams)\n" for name in javascript.names(resources))
        archive.writestr(f"{_FOLDER}/README.md", f"# {definition.settings['name']}\n\n{listed}")
    moment = datetime.fromtimestamp(state.clock.now(), UTC)
    return {
        "contentType": "application/octet-stream",
        "contentDisposition": f'attachment; filename="javascript_{moment:%Y-%m-%d_%H-%M}Z.zip"',
        "body": content.getvalue(),
    }
