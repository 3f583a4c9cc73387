"""Which of the service's sites serves an API: by its protocol."""

from functools import partial

from samovar.services.apigatewayv2.http.site import HttpSite
from samovar.services.apigatewayv2.state import State
from samovar.services.apigatewayv2.websocket.site import WebSocketSite
from samovar.web.front import Serve


class Sites:
    def __init__(self, state: State, http: HttpSite, websocket: WebSocketSite) -> None:
        self._state = state
        self._http = http
        self._websocket = websocket

    def find(self, id: str, region: str) -> Serve | None:
        """Who serves an API of ours; `region`: where it was looked for, empty for anywhere."""
        found = self._state.found(id)
        if found is None:
            return None
        key, api = found
        if region and region != key[1]:
            return None
        site = self._http if api.protocol_type == "HTTP" else self._websocket
        return partial(site.serve, key, api)
