"""Parameter mappings at work: the values of a request, or of an integration's answer, under their new names (facts §4).

Owns: applying compiled expressions. Rule: what isn't there, or is empty, isn't sent.
"""

from collections.abc import Callable, Mapping

from samovar.services.apigateway import expressions
from samovar.services.apigateway.expressions import Mapped, Source

Pairs = list[tuple[str, str]]
Value = Callable[[Source], str | None]


class Mappings:
    def __init__(self, mapped: list[Mapped]) -> None:
        self._mapped = mapped

    @classmethod
    def of_request(cls, parameters: Mapping[str, str]) -> "Mappings":
        return cls(expressions.requests(parameters))

    @classmethod
    def of_response(cls, parameters: Mapping[str, str]) -> "Mappings":
        return cls(expressions.responses(parameters))

    def headers(self, value: Value) -> Pairs:
        return self._of("header", value)

    def query(self, value: Value) -> Pairs:
        return self._of("querystring", value)

    def path(self, value: Value) -> dict[str, str]:
        return dict(self._of("path", value))

    @property
    def names(self) -> list[str]:
        """Of the headers that it sets."""
        return [each.name for each in self._mapped if each.part == "header"]

    def _of(self, part: str, value: Value) -> Pairs:
        return [(each.name, found) for each in self._mapped if each.part == part and (found := value(each.source))]
