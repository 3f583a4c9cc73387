"""What an API looks like to whoever asks: its record, and where it is reached by them."""

from samovar.core.context import Context, Params
from samovar.services.apigatewayv2 import records
from samovar.services.apigatewayv2.records import Api
from samovar.web import front


def described(ctx: Context, api: Api) -> Params:
    scheme = "ws" if api.protocol_type == "WEBSOCKET" else ""
    endpoint = front.address(api.api_id, ctx.region, ctx.endpoint, scheme)
    return {"ApiEndpoint": endpoint, **records.shown(api)}
