"""MOCK: an answer without a backend. The request template says its status (facts/apigateway.md §5)."""

import re
from collections.abc import Mapping
from typing import Any

from samovar.services.apigateway.plane.exchange import Done, Exchange
from samovar.services.apigateway.plane.mapping import RequestMapping, ResponseMapping, Returned
from samovar.services.apigateway.plane.refusals import Refusal
from samovar.services.apigateway.state import Shape

_STATUS = re.compile(r"""\s*\{.*?["']?statusCode["']?\s*:\s*["']?(\d{3})["']?\s*[,}].*""", re.DOTALL)
"""CDK writes `{statusCode: 200}`, which is no JSON, and is accepted."""
_LONGEST = 10_000


class Mock:
    traced = of_function = streams = False

    def __init__(self, shape: Shape, declared: Mapping[str, Any]) -> None:
        self._request = RequestMapping(shape, to_aws=False)
        self._response = ResponseMapping(shape, declared)

    def start(self, exchange: Exchange, done: Done) -> None:
        given = self._request.apply(exchange).body[:_LONGEST].decode(errors="replace")
        found = _STATUS.match(given)
        if found is None:
            exchange.say(
                "Execution failed due to configuration error: Unable to parse statusCode. It should be an integer"
            )
            raise Refusal("API_CONFIGURATION_ERROR")
        done(self._response.answer(exchange, Returned(int(found[1]), [], b"", found[1])))
