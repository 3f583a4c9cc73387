"""Code signing configurations: whose signature code must bear, which functions ask for it (facts/lambda-api.md §10).

Owns: tables `lambda.code-signing-configs` and `lambda.function-code-signing`, and the check before a deployment.
Refuses: signatures. AWS Signer isn't on this server and puts its signature beside the zip, so that all code is unsigned
here: with `Enforce` no deployment passes, with `Warn` every one does.
"""

from typing import Any

import msgspec

from samovar.core import arn
from samovar.core.clock import iso_millis
from samovar.core.context import Params
from samovar.core.errors import AwsError
from samovar.core.ids import hex_id
from samovar.services.lambda_.function import Key
from samovar.services.lambda_.state import State
from samovar.store.sqlite import Change, Store
from samovar.store.table import Table

ENFORCE = "Enforce"


class Config(msgspec.Struct, frozen=True):
    account: str
    region: str
    id: str
    description: str
    publishers: list[str]
    """ARNs of signing profile versions."""
    policy: str
    """`Warn` or `Enforce`."""
    modified_at: float
    tags: dict[str, str]

    @property
    def key(self) -> Key:
        return (self.account, self.region, self.id)

    @property
    def arn(self) -> str:
        return arn.make("lambda", self.region, self.account, f"code-signing-config:{self.id}")


class Signed(msgspec.Struct, frozen=True):
    """That a function has a configuration."""

    config: str
    """ARN."""


class CodeSigning:
    def __init__(self, functions: State, configs: Table[Config], signed: Table[Signed]) -> None:
        self.functions = functions
        self.configs = configs
        self._signed = signed
        functions.belongings.append(signed)
        functions.deploying.append(self.deploying)
        functions.taggable["code-signing-config"] = self

    @classmethod
    async def open(cls, store: Store, functions: State) -> "CodeSigning":
        configs = await Table.open(store, "lambda.code-signing-configs", Config)
        signed = await Table.open(store, "lambda.function-code-signing", Signed)
        return cls(functions, configs, signed)

    def find(self, account: str, region: str, config_arn: str) -> Config | None:
        """The caller's configuration of this ARN."""
        config = self.configs.get((account, region, config_arn.rpartition(":")[2]))
        return config if config and config.arn == config_arn else None

    def of(self, function: Key) -> str | None:
        """The ARN of the function's configuration."""
        signed = self._signed.get((*function, ""))
        return signed.config if signed else None

    def functions_with(self, config: Config) -> list[Key]:
        found = self._signed.items((config.account, config.region))
        return [(key[0], key[1], key[2]) for key, signed in found if signed.config == config.arn]

    async def attach(self, function: Key, config_arn: str) -> None:
        await self._signed.put((*function, ""), Signed(config_arn))

    async def detach(self, function: Key) -> None:
        await self._signed.delete((*function, ""))

    def deploying(self, function: Key, params: Params) -> list[Change]:
        """Refuse a deployment that a configuration forbids; what a new function's is, to be kept with it."""
        given = params.get("CodeSigningConfigArn")
        config_arn = given or self.of(function)
        if not config_arn:
            return []
        config = self.find(function[0], function[1], config_arn)
        if config is None:
            raise not_found(config_arn)
        if config.policy == ENFORCE:
            raise AwsError(
                "CodeVerificationFailedException",
                "Lambda cannot deploy the function. The function or layer might be signed using a signature that the "
                f"client is not configured to accept. Check the provided signature for {function[2]}.",
            )
        return [self._signed.putting((*function, ""), Signed(config.arn))] if given else []

    def tags(self, key: Key) -> dict[str, str] | None:
        config = self.configs.get(key)
        return config.tags if config else None

    async def retag(self, key: Key, tags: dict[str, str]) -> None:
        config = self.configs.get(key)
        if config:
            await self.configs.put(key, msgspec.structs.replace(config, tags=tags))

    async def reset(self) -> None:
        await self.configs.clear()


def new(account: str, region: str, params: Params, now: float) -> Config:
    base = Config(account, region, f"csc-{hex_id(17)}", "", [], "Warn", now, params.get("Tags") or {})
    return changed(base, params, now)


def changed(config: Config, params: Params, now: float) -> Config:
    """The configuration with the members given."""
    publishers = params.get("AllowedPublishers") or {}
    policies = params.get("CodeSigningPolicies") or {}
    return msgspec.structs.replace(
        config,
        description=params.get("Description", config.description),
        publishers=publishers.get("SigningProfileVersionArns", config.publishers),
        policy=policies.get("UntrustedArtifactOnDeployment", config.policy),
        modified_at=now,
    )


def describe(config: Config) -> dict[str, Any]:
    return {
        "CodeSigningConfigId": config.id,
        "CodeSigningConfigArn": config.arn,
        "Description": config.description,
        "AllowedPublishers": {"SigningProfileVersionArns": config.publishers},
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": config.policy},
        "LastModified": iso_millis(config.modified_at),
    }


def not_found(config_arn: str) -> AwsError:
    return AwsError(
        "CodeSigningConfigNotFoundException",
        "The code signing configuration cannot be found. Check that the provided configuration is not deleted: "
        f"{config_arn}.",
    )
