"""HTTP APIs out of OpenAPI documents, and into them (facts/apigateway.md §9, §11).

An import does what a client would do, operation by operation, in tables that are kept nowhere: what those operations
refuse is refused here, in the same words. When all went well, the API is what the document says, in one commit, and
stages that deploy by themselves serve it.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.apigatewayv2 import deploying, records
from samovar.services.apigatewayv2.errors import bad_request, not_found
from samovar.services.apigatewayv2.http import cors
from samovar.services.apigatewayv2.ops import authorizers, integrations, routes
from samovar.services.apigatewayv2.parts import full
from samovar.services.apigatewayv2.records import Api, Snapshot, changed, made
from samovar.services.apigatewayv2.state import ApiKey, State, part
from samovar.services.apigatewayv2.view import described
from samovar.store.sqlite import Change, Store
from samovar.store.table import Table
from samovar.web import front
from samovar.web.openapi.document import OpenApiError, read, write
from samovar.web.openapi.http import HttpApi, HttpDocument, Route, read_http, write_http

_SELECTION = "$request.method $request.path"
_BASEPATHS = ("ignore", "prepend", "split")


async def import_api(state: State, ctx: Context, params: Params) -> Params:
    document = await _read(params)
    if not document.settings["Name"]:
        raise bad_request("API name cannot be an empty string")
    id = state.new_api_id()
    api = made(
        Api,
        document.settings,
        api_id=id,
        created_date=state.clock.now(),
        route_selection_expression=_SELECTION,
        warnings=document.warnings or None,
    )
    return await _keep(state, ctx, params, document, api)


async def reimport_api(state: State, ctx: Context, params: Params) -> Params:
    """Everything that the API had goes: it is what the document says."""
    document = await _read(params)
    _, old = state.api(ctx, params["ApiId"])
    if old.protocol_type != "HTTP":
        raise bad_request("Only HTTP APIs can be imported")
    settings = {"CorsConfiguration": None, "Description": None, "Version": None, **document.settings}
    settings["Name"] = settings["Name"] or old.name
    api = changed(old, settings, warnings=document.warnings or None)
    return await _keep(state, ctx, params, document, api)


async def _read(params: Params) -> HttpDocument:
    """In a thread: a document has up to 6 MB, and the loop has other things to do."""
    basepath = params.get("Basepath") or "ignore"
    if basepath not in _BASEPATHS:
        raise bad_request(f"Invalid basepath specified. Valid options are {', '.join(_BASEPATHS)}")
    try:
        document = await asyncio.to_thread(lambda: read_http(read(params["Body"]), basepath))
    except OpenApiError as error:
        raise bad_request(str(error)) from None
    # Nobody else is served while a draft is made, so this is asked before.
    if len(document.routes) > routes.MOST:
        raise full("Route")
    if len(document.authorizers) > authorizers.MOST:
        raise full("Authorizer")
    return document


async def _keep(state: State, ctx: Context, params: Params, document: HttpDocument, api: Api) -> Params:
    cors.check(api.cors_configuration)
    key = (ctx.account, ctx.region, api.api_id)
    draft = _Draft(state)
    await draft.keep(key, api)
    errors = await _Import(draft, ctx, api.api_id).run(document)
    if errors:
        text = "Errors found during import:\n\t" + "\n\t".join(errors)
        if document.warnings:
            text += "\nAdditionally, these warnings were found:\n\t" + "\n\t".join(document.warnings)
        raise bad_request(text)
    if params.get("FailOnWarnings") and document.warnings:
        raise bad_request("Warnings found during import:\n\t" + "\n\t".join(document.warnings))
    edits = _edits(state, draft, key)
    stages = [stage for _, stage in state.stages.items(key) if stage.auto_deploy]
    await state.keep(key, api, *deploying.written(key, edits), *deploying.deployed(state, key, stages, edits))
    return described(ctx, api)


def _edits(state: State, draft: "_Draft", key: ApiKey) -> list[deploying.Edit]:
    """From what the API has to what the draft has."""
    edits: list[deploying.Edit] = []
    pairs: list[tuple[Table[Any], Table[Any]]] = [
        (state.routes, draft.routes),
        (state.integrations, draft.integrations),
        (state.authorizers, draft.authorizers),
    ]
    for real, drafted in pairs:
        edits += [(real, found[3], None) for found, _ in real.items(key)]
        edits += [(real, found[3], record) for found, record in drafted.items(key)]
    return edits


class _Nowhere:
    """A store that keeps nothing."""

    async def transact(self, *changes: Change) -> None:
        for change in changes:
            change.apply()


class _Draft(State):
    """The state as operations see it, with tables of its own."""

    def __init__(self, state: State) -> None:
        store = cast(Store, _Nowhere())
        super().__init__(store, state.clock, state.domains, state.connections, state.authorizers_asked, state.rate)
        self.apis = Table(store, "draft.apis")
        self.routes = Table(store, "draft.routes")
        self.integrations = Table(store, "draft.integrations")
        self.authorizers = Table(store, "draft.authorizers")
        self.stages = Table(store, "draft.stages")


class _Import:
    def __init__(self, draft: State, ctx: Context, api: str) -> None:
        self._draft = draft
        self._ctx = ctx
        self._api = api
        self._errors: list[str] = []
        self._authorizers: dict[str, str] = {}
        self._shared: dict[str, str] = {}

    async def run(self, document: HttpDocument) -> list[str]:
        """What can't be done, all of it."""
        for shape in document.authorizers:
            what = f"Unable to create authorizer '{shape['Name']}'"
            created = await self._try(what, authorizers.create_authorizer, shape)
            self._authorizers[shape["Name"]] = created["AuthorizerId"] if created else ""
        for route in document.routes:
            await self._route(route)
        return self._errors

    async def _try(self, what: str, operation: Any, shape: Params) -> Params | None:
        try:
            created: Params = await operation(self._draft, self._ctx, {"ApiId": self._api, **shape})
            return created
        except AwsError as error:
            self._errors.append(f"{what}: {error.message}")
            return None

    async def _route(self, route: Route) -> None:
        shape = dict(route.shape)
        what = f"Unable to create route '{shape['RouteKey']}'"
        if route.integration is not None:
            target = await self._integration(route, what)
            if target is None:
                return
            shape["Target"] = f"integrations/{target}"
        if route.authorizer:
            shape["AuthorizerId"] = self._authorizers.get(route.authorizer, "")
        await self._try(what, routes.create_route, shape)

    async def _integration(self, route: Route, what: str) -> str | None:
        known = self._shared.get(route.shared or "")
        if known:
            return known
        created = await self._try(what, integrations.create_integration, route.integration or {})
        if created is None:
            return None
        if route.shared:
            self._shared[route.shared] = created["IntegrationId"]
        return str(created["IntegrationId"])


# --- and back


async def export_api(state: State, ctx: Context, params: Params) -> Params:
    """Of an HTTP API: as it is, or as a stage has it deployed."""
    key, api = state.api(ctx, params["ApiId"])
    if params["Specification"] != "OAS30":
        raise bad_request("Invalid specification. The only one that HTTP APIs are exported in is OAS30")
    if params["OutputType"] not in ("JSON", "YAML"):
        raise bad_request("Invalid output type. Valid options are [YAML, JSON]")
    if api.protocol_type != "HTTP":
        raise bad_request("Only HTTP APIs can be exported")
    stage = params.get("StageName")
    exported = _deployed(state, key, stage) if stage else deploying.snapshot(state, key)
    document = write_http(
        HttpApi(
            api=records.shown(api),
            endpoint=front.address(api.api_id, ctx.region, ctx.endpoint),
            stage=stage,
            created=datetime.fromtimestamp(api.created_date, UTC).strftime("%Y-%m-%d %H:%M:%SUTC"),
            routes=[records.shown(route) for route in exported.routes],
            integrations={each.integration_id: records.shown(each) for each in exported.integrations},
            authorizers={each.authorizer_id: records.shown(each) for each in exported.authorizers},
        ),
        params.get("IncludeExtensions") is not False,
    )
    return {"body": write(document, params["OutputType"] == "YAML")}


def _deployed(state: State, key: ApiKey, name: str) -> Snapshot:
    stage = part(state.stages, key, name, "Stage")
    found = state.deployments.get((*key, stage.deployment_id or ""))
    if found is None:
        raise not_found("Deployment", stage.deployment_id or "")
    return found.snapshot
