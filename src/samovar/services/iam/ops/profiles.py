"""Instance profiles, and OpenID Connect providers."""

from msgspec.structs import replace

from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.services.iam import documents, holders, names, pages
from samovar.services.iam.state import ROLE, Profile, Provider, State


async def create_instance_profile(state: State, ctx: Context, params: Params) -> Params:
    profile = Profile(
        account=ctx.account,
        name=params["InstanceProfileName"],
        path=params.get("Path", "/"),
        id=names.unique_id("AIPA"),
        created=state.clock.now(),
        tags=names.tags(params.get("Tags")),
    )
    if state.profiles.get((ctx.account, profile.name.lower())):
        raise AwsError("EntityAlreadyExists", f"Instance Profile {profile.name} already exists.")
    await _keep(state, profile)
    return {"InstanceProfile": _shown(state, profile)}


async def get_instance_profile(state: State, ctx: Context, params: Params) -> Params:
    return {"InstanceProfile": _shown(state, _find(state, ctx, params["InstanceProfileName"]))}


async def list_instance_profiles(state: State, ctx: Context, params: Params) -> Params:
    prefix = params.get("PathPrefix", "/")
    found = [profile for _, profile in state.profiles.items((ctx.account,)) if profile.path.startswith(prefix)]
    return pages.page(found, params, pages.name, lambda profile: _shown(state, profile), "InstanceProfiles")


async def list_instance_profiles_for_role(state: State, ctx: Context, params: Params) -> Params:
    role = state.find(ctx, ROLE, params["RoleName"])
    found = [profile for _, profile in state.profiles.items((ctx.account,)) if profile.role == role.name]
    return pages.page(found, params, pages.name, lambda profile: _shown(state, profile), "InstanceProfiles")


async def add_role_to_instance_profile(state: State, ctx: Context, params: Params) -> Params:
    profile = _find(state, ctx, params["InstanceProfileName"])
    role = state.find(ctx, ROLE, params["RoleName"])
    if profile.role:
        raise AwsError("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
    await _keep(state, replace(profile, role=role.name))
    return {}


async def remove_role_from_instance_profile(state: State, ctx: Context, params: Params) -> Params:
    profile = _find(state, ctx, params["InstanceProfileName"])
    if profile.role != params["RoleName"]:
        raise AwsError("NoSuchEntity", f"The role with name {params['RoleName']} cannot be found.")
    await _keep(state, replace(profile, role=""))
    return {}


async def delete_instance_profile(state: State, ctx: Context, params: Params) -> Params:
    profile = _find(state, ctx, params["InstanceProfileName"])
    if profile.role:
        raise AwsError("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
    await state.commit(state.profiles.deleting((ctx.account, profile.name.lower())))
    return {}


async def create_open_id_connect_provider(state: State, ctx: Context, params: Params) -> Params:
    url = params["Url"].removeprefix("https://").rstrip("/")
    if not params["Url"].startswith("https://") or not url:
        raise AwsError("ValidationError", "Invalid Open ID Connect Provider URL")
    provider = Provider(
        account=ctx.account,
        url=url,
        created=state.clock.now(),
        clients=tuple(params.get("ClientIDList", ())),
        thumbprints=tuple(params.get("ThumbprintList", ())),
        tags=names.tags(params.get("Tags")),
    )
    if state.providers.get((ctx.account, provider.arn)):
        raise AwsError("EntityAlreadyExists", f"Provider with url {params['Url']} already exists.")
    await _keep_provider(state, provider)
    answer: Params = {"OpenIDConnectProviderArn": provider.arn}
    return {**answer, "Tags": names.shown_tags(provider.tags)} if provider.tags else answer


async def get_open_id_connect_provider(state: State, ctx: Context, params: Params) -> Params:
    provider = _find_provider(state, ctx, params["OpenIDConnectProviderArn"])
    return {
        "Url": provider.url,
        "ClientIDList": list(provider.clients),
        "ThumbprintList": list(provider.thumbprints),
        "CreateDate": provider.created,
        "Tags": names.shown_tags(provider.tags),
    }


async def list_open_id_connect_providers(state: State, ctx: Context, params: Params) -> Params:
    found = [provider for _, provider in state.providers.items((ctx.account,))]
    return {"OpenIDConnectProviderList": [{"Arn": provider.arn} for provider in found]}


async def update_open_id_connect_provider_thumbprint(state: State, ctx: Context, params: Params) -> Params:
    provider = _find_provider(state, ctx, params["OpenIDConnectProviderArn"])
    await _keep_provider(state, replace(provider, thumbprints=tuple(params["ThumbprintList"])))
    return {}


async def add_client_id_to_open_id_connect_provider(state: State, ctx: Context, params: Params) -> Params:
    provider = _find_provider(state, ctx, params["OpenIDConnectProviderArn"])
    if params["ClientID"] not in provider.clients:
        documents.check_length(len(provider.clients) + 1, 100, "ClientIdsPerOpenIdConnectProvider")
        await _keep_provider(state, replace(provider, clients=(*provider.clients, params["ClientID"])))
    return {}


async def remove_client_id_from_open_id_connect_provider(state: State, ctx: Context, params: Params) -> Params:
    provider = _find_provider(state, ctx, params["OpenIDConnectProviderArn"])
    rest = tuple(each for each in provider.clients if each != params["ClientID"])
    await _keep_provider(state, replace(provider, clients=rest))
    return {}


async def delete_open_id_connect_provider(state: State, ctx: Context, params: Params) -> Params:
    provider = _find_provider(state, ctx, params["OpenIDConnectProviderArn"])
    await state.commit(state.providers.deleting((ctx.account, provider.arn)))
    return {}


async def _keep(state: State, profile: Profile) -> None:
    await state.commit(state.profiles.putting((profile.account, profile.name.lower()), profile))


async def _keep_provider(state: State, provider: Provider) -> None:
    await state.commit(state.providers.putting((provider.account, provider.arn), provider))


def _find(state: State, ctx: Context, name: str) -> Profile:
    profile = state.profiles.get((ctx.account, name.lower()))
    if profile is None:
        raise AwsError("NoSuchEntity", f"Instance Profile {name} cannot be found.")
    return profile


def _find_provider(state: State, ctx: Context, arn: str) -> Provider:
    provider = state.providers.get((ctx.account, arn))
    if provider is None:
        raise AwsError("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}")
    return provider


def _shown(state: State, profile: Profile) -> Params:
    role = state.holder(profile.account, ROLE, profile.role) if profile.role else None
    roles = []
    if role is not None:
        trust = documents.encoded(holders.trust_shown(state, role))
        roles = [{**holders.shown(role), "AssumeRolePolicyDocument": trust}]
    shown: Params = {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn,
        "CreateDate": profile.created,
        "Roles": roles,
    }
    if profile.tags:
        shown["Tags"] = names.shown_tags(profile.tags)
    return shown
