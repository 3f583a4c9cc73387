"""Records as answers show them. Pure."""

from samovar.services.apigateway.state import Api, Shape


def api(api: Api) -> Shape:
    root = next(each.id for each in api.definition.resources.values() if not each.parent)
    return {
        "id": api.id,
        "createdDate": int(api.created_at),
        **api.definition.settings,
        **({"tags": api.tags} if api.tags else {}),
        "rootResourceId": root,
    }
