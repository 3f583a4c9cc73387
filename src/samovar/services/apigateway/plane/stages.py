"""Which deployment answers now, and by which settings: stages as the data plane sees them.

Owns: what follows from the records of stages and deployments, worked out anew when these change; the throttles of
stages. Rule: a canary gets its share of the requests by chance, as on AWS.
"""

from collections.abc import Callable, Mapping

from samovar.core import ids
from samovar.core.bucket import Bucket
from samovar.services.apigateway.plane.counting import of_stage
from samovar.services.apigateway.plane.exchange import Exchange, Plan, Staged
from samovar.services.apigateway.state import Api, Definition, Item, Rest, Shape
from samovar.store.table import Key
from samovar.web.access_log import Format, is_log_group


class Stage:
    """One stage, as long as its record doesn't change."""

    def __init__(self, item: Item, main: Staged, canary: Staged | None, percent: float) -> None:
        self.item = item
        self.shape = item.shape
        self.main = main
        self._canary = canary
        self._percent = percent
        logged = item.shape.get("accessLogSettings") or {}
        group, format = logged.get("destinationArn") or "", logged.get("format") or ""
        self.access_log = (group, format) if format and is_log_group(group) else None
        self._settings: dict[tuple[str, str], Shape | None] = {}
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self.format: Format | None = None
        """Of the access log, once it was needed."""

    def now(self) -> Staged:
        """For one request: the canary by chance, else the stage itself."""
        if self._canary is None:
            return self.main
        return self._canary if int(ids.hex_id(6), 16) * 100 < self._percent * 0x1000000 else self.main

    def settings(self, resource: str, method: str) -> Shape | None:
        """The method settings that count: the method's own, else the stage's; None where nothing was set."""
        key = (resource, method)
        if key not in self._settings:
            self._settings[key] = self._find(resource, method)
        return self._settings[key]

    def has_own(self, resource: str, method: str) -> bool:
        """Whether these are the method's own."""
        return self._own(resource, method) is not None

    def _find(self, resource: str, method: str) -> Shape | None:
        own = self._own(resource, method)
        return own if own is not None else (self.shape.get("methodSettings") or {}).get("*/*")

    def _own(self, resource: str, method: str) -> Shape | None:
        for name, settings in (self.shape.get("methodSettings") or {}).items():
            path, _, verb = name.rpartition("/")
            if verb == method and path.replace("~1", "/").strip("/") == resource.strip("/"):
                found: Shape = settings
                return found
        return None

    def admits(self, exchange: Exchange) -> bool:
        """Whether the method's throttle lets one more request through."""
        settings = exchange.settings
        if settings is None or settings["throttlingRateLimit"] < 0 or settings["throttlingBurstLimit"] < 0:
            return True
        method = (exchange.resource, exchange.settled.name)
        bucket = self._buckets.get(method)
        if bucket is None:
            size = (settings["throttlingBurstLimit"], settings["throttlingRateLimit"])
            bucket = self._buckets[method] = Bucket(*size)
        return bucket.take(exchange.started)


class Stages:
    def __init__(self, state: Rest, plan: Callable[[Definition], Plan]) -> None:
        self._state = state
        self._plan = plan
        self._stages: dict[Key, Stage] = {}
        self._plans: dict[Key, Plan] = {}

    def find(self, api: Api, name: str) -> Stage | None:
        key = (*api.key, name)
        item = self._state.stages.get(key)
        if item is None:
            self._stages.pop(key, None)
            return None
        found = self._stages.get(key)
        if found is None or found.item is not item:
            self._sweep()
            found = self._stages[key] = self._made(api, item)
        return found

    def admits(self, api: Api, now: float) -> bool:
        """The account's throttle, over all its APIs of a region."""
        return self._state.rate.admits(api.account, api.region, now)

    def clear(self) -> None:
        self._stages.clear()
        self._plans.clear()
        self._state.rate.clear()

    def _made(self, api: Api, item: Item) -> Stage:
        shape = item.shape
        variables: Mapping[str, str] = shape.get("variables") or {}
        given = shape.get("canarySettings")
        main = self._staged(api, shape, shape["deploymentId"], variables, False if given else None)
        if not given:
            return Stage(item, main, None, 0.0)
        overlaid = {**variables, **(given.get("stageVariableOverrides") or {})}
        canary = self._staged(api, shape, given["deploymentId"], overlaid, True)
        return Stage(item, main, canary, given["percentTraffic"])

    def _staged(
        self, api: Api, shape: Shape, deployment: str, variables: Mapping[str, str], canary: bool | None
    ) -> Staged:
        key = (*api.key, deployment)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._plan(self._state.deployment(api, deployment).definition)
        certificate = shape.get("clientCertificateId") or ""
        name = shape["stageName"]
        place = of_stage(api.account, api.region, plan.settings["name"], name)
        return Staged(name, deployment, plan, variables, canary, certificate, place)

    def _sweep(self) -> None:
        """Forget what isn't there any more, now and then."""
        if len(self._stages) > 2 * len(self._state.stages) + 16:
            self._stages = {key: each for key, each in self._stages.items() if self._state.stages.get(key)}
        if len(self._plans) > 2 * len(self._state.deployments) + 16:
            self._plans = {key: each for key, each in self._plans.items() if self._state.deployments.get(key)}
