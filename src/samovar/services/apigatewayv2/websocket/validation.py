"""Messages against the models of their routes, before a non-proxy integration gets them (facts/apigateway.md §10).

Owns: which model a message is held to. Rule: a model that can't be understood refuses every message.
"""

from collections.abc import Mapping

from samovar.services.apigatewayv2.records import Model, Route
from samovar.services.apigatewayv2.websocket.event import Occurrence
from samovar.services.apigatewayv2.websocket.lookup import Lookup
from samovar.services.apigatewayv2.websocket.selection import DEFAULT, Expression
from samovar.web.models import Model as Schema
from samovar.web.models import ModelError
from samovar.web.models import compile as compile_schema


class Validation:
    def __init__(self, route: Route, known: list[Model]) -> None:
        self._expression = Expression(route.model_selection_expression or "\\$default")
        schemas = {model.name: model.schema for model in known}
        self._models: Mapping[str, Schema | None] = {
            key: _compiled(name, schemas) for key, name in (route.request_models or {}).items()
        }

    def errors(self, happened: Occurrence) -> str | None:
        """Why a message doesn't fit the model that its expression selects; without a model every message does."""
        key = self._expression.select(Lookup(happened))
        if key is None or key not in self._models:
            key = DEFAULT
        if key not in self._models:
            return None
        model = self._models[key]
        return model.errors(happened.body or "") if model is not None else f"the model of {key} can't be read"


def validation(route: Route, kind: str, known: list[Model]) -> Validation | None:
    """None where nothing is held to anything; `kind`: of the integration."""
    if not route.request_models or not route.model_selection_expression or kind.endswith("_PROXY"):
        return None
    return Validation(route, known)


def _compiled(name: str, schemas: Mapping[str, str]) -> Schema | None:
    try:
        return compile_schema(schemas.get(name, ""), schemas)
    except ModelError:
        return None
