"""Layers: what is published under a name and a number, who else may use it, and how AWS shows it.

Owns: LayerVersion and the tables of layers, the rules for who may see one and for which ones a function may have
together (facts/lambda-api.md §5, §8). Refuses: content; a layer's zip and tree are `code`'s, as those of functions are.

1. A version never changes, but for its policy. Its number is never given again, not even when all versions are gone.
2. Another account sees a layer version if that version's policy names it, and nothing else of the layer.
3. What uses a version has taken a LayerReference: it doesn't notice when the version is deleted.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from samovar.core import arn
from samovar.core.clock import iso_millis
from samovar.core.context import Context, Params
from samovar.core.errors import AwsError
from samovar.engine.package import Package
from samovar.services.lambda_ import selfmanaged
from samovar.services.lambda_.function import LayerReference
from samovar.services.lambda_.names import invalid
from samovar.services.lambda_.policies import Policy, Statement
from samovar.services.lambda_.selfmanaged import S3Object
from samovar.store.sqlite import Store
from samovar.store.table import Table

Key = tuple[str, str, str]
"""Account, region, name of a layer."""

LIMIT = 5
"""Layers of one function."""
GET = "lambda:GetLayerVersion"
"""The one action that a layer's policy can allow."""


class Layer(msgspec.Struct, frozen=True):
    """What is left of a layer without its versions."""

    latest: int
    """The highest number ever given."""


class LayerVersion(msgspec.Struct, frozen=True):
    account: str
    region: str
    name: str
    number: int
    digest: str
    """sha256 (hex) of the zip: names its blob and its unpacked tree."""
    size: int
    """Bytes of the zip."""
    sha256: str
    """Of the zip, base64."""
    description: str
    runtimes: tuple[str, ...]
    architectures: tuple[str, ...]
    license: str
    created_at: float
    """Seconds since the epoch."""
    policy: Policy | None = None
    source: S3Object | None = None
    """Where the zip stays; None where there is a blob of it."""

    @property
    def stored(self) -> int:
        """Bytes that count as code storage."""
        return 0 if self.source else self.size

    @property
    def layer_arn(self) -> str:
        return layer_arn((self.account, self.region, self.name))

    @property
    def arn(self) -> str:
        return f"{self.layer_arn}:{self.number}"

    def fits(self, runtime: str, architecture: str) -> bool:
        """Whether a list that asks for these (empty: for any) shows it."""
        return (not runtime or runtime in self.runtimes) and (not architecture or architecture in self.architectures)

    def admits(self, account: str) -> bool:
        """Whether `account` may have it: it is the owner, or the policy says so."""
        statements = self.policy.statements if self.policy else []
        return account == self.account or any(_admits(statement, account) for statement in statements)


class Layers:
    """All layers. Made by `Layers.open`."""

    def __init__(self, store: Store, layers: Table[Layer], versions: Table[LayerVersion]) -> None:
        self._store = store
        self._layers = layers
        self._versions = versions

    @classmethod
    async def open(cls, store: Store) -> "Layers":
        layers = await Table.open(store, "lambda.layers", Layer)
        return cls(store, layers, await Table.open(store, "lambda.layer_versions", LayerVersion))

    async def publish(
        self, key: Key, content: Package, params: Params, now: float, source: S3Object | None = None
    ) -> LayerVersion:
        """Give `content` the next number of its layer, with what PublishLayerVersion says about it; `source`: where
        its zip stays."""
        layer = self._layers.get(key)
        version = LayerVersion(
            *key,
            number=layer.latest + 1 if layer else 1,
            digest=content.sha256,
            size=content.code_size,
            sha256=content.code_sha256,
            description=params.get("Description", ""),
            runtimes=tuple(params.get("CompatibleRuntimes") or ()),
            architectures=tuple(params.get("CompatibleArchitectures") or ()),
            license=params.get("LicenseInfo", ""),
            created_at=now,
            source=source,
        )
        counted = self._layers.putting(key, Layer(version.number))
        await self._store.transact(counted, self._versions.putting(_place(key, version.number), version))
        return version

    def __len__(self) -> int:
        return len(self._versions)

    def get(self, key: Key, number: int) -> LayerVersion | None:
        return self._versions.get(_place(key, number))

    async def change(self, version: LayerVersion) -> None:
        """Commit another policy."""
        await self._versions.put(_place((version.account, version.region, version.name), version.number), version)

    async def delete(self, version: LayerVersion) -> None:
        await self._versions.delete(_place((version.account, version.region, version.name), version.number))

    def versions(self, *prefix: str) -> list[LayerVersion]:
        """Those of an account, of one of its regions, or of one layer, as far as `prefix` says; by name and number."""
        return [version for _, version in self._versions.items(prefix)]

    async def clear(self) -> None:
        """Forget everything, numbers too."""
        await self._versions.clear()
        await self._layers.clear()

    def visible(self, ctx: Context, key: Key, number: int) -> LayerVersion:
        """A version that the caller may get."""
        found = self.get(key, number)
        if key[0] != ctx.account and not (found and key[1] == ctx.region and found.admits(ctx.account)):
            raise denied(ctx, GET, version_arn(key, number))
        if found is None or key[1] != ctx.region:
            raise missing()
        return found

    def resolve(self, ctx: Context, arns: Sequence[str]) -> tuple[LayerReference, ...]:
        """The layers that a function of the caller's asks for, in their order; raises what AWS refuses of them."""
        if len(arns) > LIMIT:
            raise invalid(f"Cannot reference more than {LIMIT} layers.")
        seen: dict[str, str] = {}
        found: list[LayerReference] = []
        for text in arns:
            version = self._attachable(ctx, text)
            twin = seen.setdefault(version.layer_arn, text)
            if len(seen) == len(found):
                raise invalid(
                    "Two different versions of the same layer are not allowed to be referenced in the same function. "
                    f"{twin} and {text} are versions of the same layer."
                )
            found.append(LayerReference(version.arn, version.size, version.digest, version.source))
        return tuple(found)

    def _attachable(self, ctx: Context, text: str) -> LayerVersion:
        place = parse(text)
        version = self.get(*place) if place else None
        if place:
            (account, region, _), _ = place
            if account == ctx.account and region != ctx.region:
                raise invalid(
                    "Layers are not in the same region as the function. "
                    f"Layers are expected to be in region {ctx.region}."
                )
            if account != ctx.account and not (version and region == ctx.region and version.admits(ctx.account)):
                raise denied(ctx, GET, text)
        if version is None:
            raise invalid(f"Layer version {text} does not exist.")
        return version


def parse(text: str) -> tuple[Key, int] | None:
    """The layer and the number that a layer version's ARN names; None for AWS's own (`awslayer`), which aren't here."""
    parsed = arn.parse(text)
    kind, _, rest = parsed.resource.partition(":") if parsed else ("", "", "")
    name, _, number = rest.rpartition(":")
    if parsed is None or kind != "layer" or not number.isdecimal():
        return None
    return (parsed.account, parsed.region, name), int(number)


def locate(ctx: Context, text: str) -> Key:
    """The layer that a name or an ARN means."""
    parsed = arn.parse(text)
    if parsed is None:
        return (ctx.account, ctx.region, text)
    return (parsed.account, parsed.region, parsed.resource.removeprefix("layer:"))


def own(ctx: Context, text: str, action: str) -> Key:
    """As `locate`, for what only the owner may do: a policy can't allow it to others."""
    key = locate(ctx, text)
    if key[0] != ctx.account:
        raise denied(ctx, f"lambda:{action}", text)
    if key[1] != ctx.region:  # not recorded; as for functions (facts/lambda-api.md §3)
        message = f"Layers from '{key[1]}' are not reachable in this region ('{ctx.region}')"
        raise AwsError("ResourceNotFoundException", message)
    return key


def layer_arn(key: Key) -> str:
    account, region, name = key
    return arn.make("lambda", region, account, f"layer:{name}")


def version_arn(key: Key, number: int) -> str:
    return f"{layer_arn(key)}:{number}"


def missing() -> AwsError:
    return AwsError("ResourceNotFoundException", "The resource you requested does not exist.")


def denied(ctx: Context, action: str, resource: str) -> AwsError:
    return AwsError(
        "AccessDeniedException",
        f"User: {ctx.principal} is not authorized to perform: {action} on resource: {resource} "
        f"because no resource-based policy allows the {action} action",
    )


def describe(version: LayerVersion, location: str) -> Params:
    """Answer of PublishLayerVersion and GetLayerVersion; `location` downloads the zip."""
    content: Params = {"Location": location, "CodeSha256": version.sha256, "CodeSize": version.size}
    if version.source is not None:
        content["ResolvedS3Object"] = selfmanaged.shown(version.source)
    return {"Content": content, "LayerArn": version.layer_arn, **describe_item(version)}


def describe_latest(version: LayerVersion) -> Params:
    """A layer as ListLayers shows it."""
    return {
        "LayerName": version.name,
        "LayerArn": version.layer_arn,
        "LatestMatchingVersion": describe_item(version),
    }


def describe_item(version: LayerVersion) -> Params:
    """A version as the lists show it."""
    shown: dict[str, Any] = {
        "LayerVersionArn": version.arn,
        "Description": version.description,
        "CreatedDate": iso_millis(version.created_at),
        "Version": version.number,
    }
    if version.runtimes:
        shown["CompatibleRuntimes"] = version.runtimes
    if version.architectures:
        shown["CompatibleArchitectures"] = version.architectures
    if version.license:
        shown["LicenseInfo"] = version.license
    return shown


def _admits(statement: Statement, account: str) -> bool:
    """Its action can only be `GET`. A condition names an organization, and no account belongs to one here."""
    principal = statement["Principal"]
    named = arn.parse(principal["AWS"]) if principal != "*" else None
    return "Condition" not in statement and (named is None or named.account == account)


def _place(key: Key, number: int) -> tuple[str, str, str, str]:
    return (*key, f"{number:010d}")  # so that the order of keys is that of numbers
