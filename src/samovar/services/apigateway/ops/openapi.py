"""APIs out of OpenAPI documents, and into them (facts/apigateway.md §2, §11).

An import does what a client would do, operation by operation, on a draft that nobody sees: all that those operations
refuse is refused here, in the same words. Only when everything went well is the draft kept, in one commit.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.apigateway import settings, view
from samovar.services.apigateway.ops import (
    authorizers,
    gatewayresponses,
    integrations,
    methods,
    models,
    resources,
)
from samovar.services.apigateway.state import Api, Definition, Deployment, Rest, Shape, bad, full, new_id
from samovar.web import front
from samovar.web.openapi.document import OpenApiError, read, write
from samovar.web.openapi.export import RestApi, write_rest
from samovar.web.openapi.rest import Method, RestDocument, read_rest

_BASEPATHS = ("ignore", "prepend", "split")
_EXTENSIONS = ("integrations", "authorizers", "apigateway")
MOST_PARTS = 10_000
"""Of a document: methods, models, responses. Nobody else is served while a draft is made."""


async def import_rest_api(state: Rest, ctx: Context, params: Params) -> Params:
    id = new_id(10)
    document = await _read(params, id)
    described = settings.checked({"name": "", **document.settings}, id, ctx.account, ctx.region)
    api = Api(
        account=ctx.account,
        region=ctx.region,
        id=id,
        created_at=state.clock.now(),
        tags=document.settings.get("tags") or {},
        definition=settings.blank(described),
    )
    draft = Draft(state, api)
    await _Import(draft, ctx, document).run(params)
    await state.keep(draft.drafted)
    return {**view.api(draft.drafted), **_warned(document.warnings)}


async def put_rest_api(state: Rest, ctx: Context, params: Params) -> Params:
    """`merge` puts over what is there what the document has; `overwrite` begins with an empty API."""
    api = state.api(ctx, params["restApiId"])
    mode = params.get("mode") or "merge"
    if mode not in ("merge", "overwrite"):
        raise bad("Invalid mode specified. Valid options are [merge, overwrite]")
    document = await _read(params, api.id)
    api = state.api(ctx, params["restApiId"])  # somebody may have changed it while the document was read
    old = api.definition.settings
    kept = old if mode == "merge" else {"name": old["name"], "endpointConfiguration": old["endpointConfiguration"]}
    described = settings.checked({**kept, **document.settings}, api.id, ctx.account, ctx.region)
    if mode == "overwrite":
        definition = settings.blank(described, _root(api.definition))
    else:
        definition = msgspec.structs.replace(api.definition, settings=described)
    tags = {**api.tags, **(document.settings.get("tags") or {})}
    documentation = api.documentation if mode == "merge" else {}
    draft = Draft(state, msgspec.structs.replace(api, definition=definition, tags=tags, documentation=documentation))
    await _Import(draft, ctx, document).run(params)
    await state.keep(draft.drafted)
    return {**view.api(draft.drafted), **_warned(document.warnings)}


def _root(definition: Definition) -> str:
    return next(each.id for each in definition.resources.values() if not each.parent)


def _warned(warnings: list[str]) -> Shape:
    return {"warnings": warnings} if warnings else {}


async def _read(params: Params, api: str) -> RestDocument:
    """In a thread: a document has up to 6 MB, and the loop has other things to do."""
    given = params.get("parameters") or {}
    basepath = given.get("basepath") or "ignore"
    if basepath not in _BASEPATHS:
        raise bad(f"Invalid basepath specified. Valid options are {', '.join(_BASEPATHS)}")
    try:
        document = await asyncio.to_thread(lambda: read_rest(read(params["body"]), api, basepath))
    except OpenApiError as error:
        raise bad(str(error)) from None
    if len(document.paths) > resources.MOST_RESOURCES:
        raise full("Resources")
    if _parts(document) > MOST_PARTS:
        raise AwsError("LimitExceededException", "The document describes more than an API can have")
    types = given.get("endpointConfigurationTypes")
    if types:
        document.settings["endpointConfiguration"] = {
            **document.settings.get("endpointConfiguration", {}),
            "types": [each.strip() for each in types.split(",")],
        }
    if given.get("ignore") == "documentation":
        document.documentation.clear()
    return document


def _parts(document: RestDocument) -> int:
    small = (document.models, document.validators, document.gateway_responses, document.authorizers)
    return sum(1 + len(each.responses) + len(each.answers) for each in document.methods) + 8 * sum(map(len, small))


class Draft(Rest):
    """The state as the operations see it, with one API that is kept nowhere."""

    def __init__(self, state: Rest, api: Api) -> None:
        self.clock = state.clock
        self.drafted = api

    def api(self, ctx: Context, id: str) -> Api:
        return self.drafted

    async def keep(self, api: Api) -> None:
        self.drafted = api


class _Import:
    """One import: what it can't do is gathered and told at once."""

    def __init__(self, draft: Draft, ctx: Context, document: RestDocument) -> None:
        self._draft = draft
        self._ctx = ctx
        self._document = document
        self._errors: list[str] = []
        self._authorizers: dict[str, str] = {}
        self._validators: dict[str, str] = {}

    async def run(self, params: Params) -> None:
        for name, shape in self._document.validators.items():
            await self._validator(name, shape)
        await self._models()
        await self._all_authorizers()
        for kind, shape in self._document.gateway_responses.items():
            await self._try(f"Unable to put gateway response '{kind}'", gatewayresponses.put_gateway_response, shape)
        for path in self._document.paths:
            await self._resource(path)
        for method in self._document.methods:
            await self._method(method)
        self._documentation()
        self._settle(bool(params.get("failOnWarnings")))

    def _settle(self, strict: bool) -> None:
        warnings = self._document.warnings
        if self._errors:
            text = "Errors found during import:\n\t" + "\n\t".join(self._errors)
            if warnings:
                text += "\nAdditionally, these warnings were found:\n\t" + "\n\t".join(warnings)
            raise bad(text)
        if strict and warnings:
            raise bad("Warnings found during import:\n\t" + "\n\t".join(warnings))

    async def _try(self, what: str, operation: Any, shape: Shape) -> Shape | None:
        """What AWS would refuse of a client, it refuses of an import."""
        try:
            made: Shape = await operation(self._draft, self._ctx, {"restApiId": self._draft.drafted.id, **shape})
            return made
        except AwsError as error:
            if error.code == "NotImplementedException":
                raise
            self._errors.append(f"{what}: {error.message}")
            return None

    async def _validator(self, name: str, shape: Shape) -> None:
        known = self._draft.drafted.definition.validators
        old = next((id for id, each in known.items() if each.get("name") == name), None)
        if old:
            await self._replace("validators", old, {"id": old, **shape})
            self._validators[name] = old
        else:
            made = await self._try(
                f"Unable to create request validator '{name}'", models.create_request_validator, shape
            )
            self._validators[name] = made["id"] if made else ""

    async def _replace(self, table: str, key: str, shape: Shape | None) -> None:
        """Put over what is there, or take it away."""
        definition = self._draft.drafted.definition
        entries = {name: each for name, each in getattr(definition, table).items() if name != key}
        if shape is not None:
            entries[key] = shape
        await self._draft.define(self._draft.drafted, msgspec.structs.replace(definition, **{table: entries}))

    async def _models(self) -> None:
        """All are there before the first is looked at: they may name each other in any order."""
        old = self._draft.drafted.definition.models
        for name, shape in self._document.models.items():
            await self._replace("models", name, {"id": "", "name": name, **shape})
        for name, shape in self._document.models.items():
            await self._replace("models", name, None)
            made = await self._try(f"Unable to create model '{name}'", models.create_model, {"name": name, **shape})
            if made and name in old:
                await self._replace("models", name, {**made, "id": old[name]["id"]})

    async def _all_authorizers(self) -> None:
        for each in self._document.authorizers:
            if each.shape is None:
                self._errors.append(
                    f"Unable to create authorizer from security definition: '{each.name}'. Extension "
                    "x-amazon-apigateway-authorizer is required. Any methods with security: '"
                    f"{each.name}' will not be created. If this security definition is not a configured authorizer, "
                    "remove the x-amazon-apigateway-authtype extension and it will be ignored."
                )
                continue
            known = self._draft.drafted.definition.authorizers
            old = next((id for id, shape in known.items() if shape["name"] == each.name), None)
            if old:
                await self._replace("authorizers", old, None)
            what = f"Unable to create authorizer '{each.name}'"
            made = await self._try(what, authorizers.create_authorizer, each.shape)
            if made and old:
                await self._replace("authorizers", made["id"], None)
                await self._replace("authorizers", old, {**made, "id": old})
            self._authorizers[each.name] = old or (made["id"] if made else "")

    async def _resource(self, path: str) -> str | None:
        """Its id, with all resources above it; None where one can't be."""
        definition = self._draft.drafted.definition
        here = _root(definition)
        for part in [part for part in path.split("/") if part]:
            definition = self._draft.drafted.definition
            found = next((e.id for e in definition.resources.values() if e.parent == here and e.part == part), None)
            if found is None:
                what = f"Unable to create resource at path '{path}'"
                made = await self._try(what, resources.create_resource, {"parentId": here, "pathPart": part})
                if made is None:
                    return None
                found = made["id"]
            here = found
        return here

    async def _method(self, method: Method) -> None:
        before = len(self._errors)
        resource = await self._resource(method.path)
        if resource is None:
            del self._errors[before:]  # told already, for the resource itself
            return
        place = {"resourceId": resource, "httpMethod": method.verb}
        where = f"'{method.verb}' for resource at path '{method.path}'"
        found = self._draft.drafted.definition.resources[resource]
        if method.verb in found.methods:
            await self._draft.keep_method(self._draft.drafted, found, method.verb, None)
        shape = {**method.shape, **place}
        if method.authorizer:
            shape["authorizerId"] = self._authorizers.get(method.authorizer, "")
        if method.validator:
            shape["requestValidatorId"] = self._validators.get(method.validator) or method.validator
        what = f"Unable to put method '{method.verb}' on resource at path '{method.path}'"
        if await self._try(what, methods.put_method, shape) is None:
            return
        for response in method.responses.values():
            what = f"Unable to put method response on {where}"
            await self._try(what, methods.put_method_response, {**place, **response})
        if method.integration is None:
            return
        if await self._try(
            f"Unable to put integration on {where}", integrations.put_integration, {**place, **method.integration}
        ):
            for answer in method.answers.values():
                what = f"Unable to put integration response on {where}"
                await self._try(what, integrations.put_integration_response, {**place, **answer})

    def _documentation(self) -> None:
        parts = dict(self._draft.drafted.documentation)
        for given in self._document.documentation:
            id = next((id for id, each in parts.items() if each["location"] == given["location"]), None) or new_id(6)
            parts[id] = {"id": id, **given}
        self._draft.drafted = msgspec.structs.replace(self._draft.drafted, documentation=parts)


# --- and back


async def get_export(state: Rest, ctx: Context, params: Params) -> Params:
    """What a stage serves, as `swagger` or `oas30`; not with the extension `postman`."""
    api = state.api(ctx, params["restApiId"])
    stage = state.stage(api, params["stageName"])
    kind, accepts = params["exportType"], params.get("accepts") or "application/json"
    if kind not in ("swagger", "oas30"):
        raise bad("Invalid export type specified. Valid options are [oas30, swagger]")
    if accepts not in ("application/json", "application/yaml", "application/x-yaml"):
        raise bad(f"Unsupported accept type specified: {accepts}")
    asked = {each.strip() for each in (params.get("parameters") or {}).get("extensions", "").split(",") if each.strip()}
    if "postman" in asked:
        raise AwsError("NotImplementedException", "Exports with the extension postman are not here.")
    if asked - set(_EXTENSIONS):
        raise bad(f"Invalid extension specified. Valid options are {', '.join(_EXTENSIONS)}")
    deployment = state.deployment(api, stage["deploymentId"])
    written = _written(ctx, api, stage, deployment)
    document = write_rest(written, kind == "oas30", *(extension in asked for extension in _EXTENSIONS))
    is_yaml = accepts != "application/json"
    body = await asyncio.to_thread(write, document, is_yaml)
    name = f"{kind}_{written.version}.{'yaml' if is_yaml else 'json'}"
    return {
        "contentType": "application/octet-stream",
        "contentDisposition": f'attachment; filename="{name}"',
        "body": body,
    }


def _written(ctx: Context, api: Api, stage: Shape, deployment: Deployment) -> RestApi:
    definition = deployment.definition
    address = urlsplit(front.address(api.id, ctx.region, ctx.endpoint))
    created = datetime.fromtimestamp(deployment.created_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return RestApi(
        settings=definition.settings,
        scheme=address.scheme,
        host=address.netloc if not address.path else front.domain_name(api.id, ctx.region),
        stage=stage["stageName"],
        version=definition.settings.get("version") or created,
        resources=sorted((definition.path(each), each.id, each.methods) for each in definition.resources.values()),
        authorizers=definition.authorizers,
        models=definition.models,
        validators=definition.validators,
        gateway_responses=definition.responses,
        documentation=list(api.documentation.values()),
        tags=api.tags,
    )
