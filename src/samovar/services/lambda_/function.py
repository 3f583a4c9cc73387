"""Functions and their versions as they are kept, and how they change.

Owns: Function, its published versions and their parts, the transitions of facts/lambda-api.md §4.3. Refuses: how AWS
shows them (`view`). Pure: time and revision ids are arguments. Rules: a record is replaced, never changed; every
transition takes a new RevisionId.
"""

from enum import Enum
from typing import TypeVar

import msgspec

from samovar.core import arn
from samovar.engine import package
from samovar.engine.images import tree
from samovar.engine.images.manifest import Content, Settings
from samovar.engine.languages.image import IDENTIFIER
from samovar.engine.model import ON_DEMAND, SNAP_START, Root, Version
from samovar.services.lambda_.names import LATEST
from samovar.services.lambda_.selfmanaged import S3Object

Key = tuple[str, str, str]
"""Account, region, name."""


class State(Enum):
    PENDING = "Pending"
    ACTIVE = "Active"
    INACTIVE = "Inactive"
    """Its code stays in a bucket, and isn't there any more."""
    FAILED = "Failed"


class Update(Enum):
    """LastUpdateStatus; absent until the function has become active."""

    IN_PROGRESS = "InProgress"
    SUCCESSFUL = "Successful"
    FAILED = "Failed"


class Reason(msgspec.Struct, frozen=True):
    text: str
    code: str


CREATING = Reason("The function is being created.", "Creating")
"""AWS gives this text for updates as well (facts/lambda-api.md §4.3)."""
RESTORING = Reason("The function's code is being read from its bucket.", "Restoring")


class Logging(msgspec.Struct, frozen=True):
    format: str
    """`Text` or `JSON`."""
    group: str
    application_level: str = ""
    """With JSON only, like the next one."""
    system_level: str = ""


class LayerReference(msgspec.Struct, frozen=True):
    """A layer version that a function was configured with; the version may be deleted since."""

    arn: str
    size: int
    """Bytes of the layer's zip."""
    digest: str
    """Of its content: names its blob and its unpacked tree."""
    source: S3Object | None = None
    """Where the content stays, if it isn't kept here."""


class ImageConfig(msgspec.Struct, frozen=True):
    """What a function wants otherwise than its image says; what is empty is as the image says."""

    entry_point: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    working_directory: str = ""


class Configuration(msgspec.Struct, frozen=True):
    """What UpdateFunctionConfiguration may change."""

    role: str
    runtime: str
    handler: str
    description: str
    timeout_s: int
    memory_mb: int
    ephemeral_mb: int
    variables: dict[str, str] | None
    """None when Environment was never given: then AWS leaves it out of its answers."""
    kms_key_arn: str
    tracing: str
    logging: Logging
    vpc: bool
    """Whether an (empty) VpcConfig was given: then AWS shows an empty one."""
    layers: tuple[LayerReference, ...] = ()
    """In the order of their extraction."""
    snap_start: bool = False
    """Whether its published versions have it."""
    dead_letter: str = ""
    """ARN of the queue or topic for events that were given up; empty for none."""
    image: ImageConfig = ImageConfig()

    @property
    def from_image(self) -> bool:
        """Whether its functions' code is a container image: then there is no runtime and no handler."""
        return self.runtime == IDENTIFIER


class ContainerImage(msgspec.Struct, frozen=True):
    """A container image as it was found when it was deployed."""

    uri: str
    """As it was given."""
    resolved_uri: str
    """With the digest that it meant then."""
    account: str
    region: str
    repository: str
    layers: tuple[Content, ...]
    settings: Settings

    @property
    def tree(self) -> str:
        """Name of the unpacked image."""
        return tree.name([layer.diff_id for layer in self.layers])


class Code(msgspec.Struct, frozen=True):
    """What UpdateFunctionCode may change."""

    digest: str
    """sha256 (hex) of the zip: names its blob, and its unpacked tree (`Version.code`). Empty for an image."""
    size: int
    """Bytes of the zip."""
    sha256: str
    """Of the zip, base64; or of the image's manifest, hex."""
    source_kms_key_arn: str
    architecture: str
    source: S3Object | None = None
    """Where the zip stays; None where there is a blob of it."""
    image: ContainerImage | None = None

    @property
    def stored(self) -> int:
        """Bytes that count as code storage."""
        return 0 if self.source else self.size


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """Code and configuration that can be invoked: what a function as it changes and a version as it stays share."""

    account: str
    region: str
    name: str
    configuration: Configuration
    code: Code
    modified_at: float
    """Seconds since the epoch."""
    revision: str
    state: State
    reason: Reason | None
    update: Update | None
    update_reason: Reason | None

    @property
    def key(self) -> Key:
        return (self.account, self.region, self.name)

    @property
    def arn(self) -> str:
        """Unqualified."""
        return arn.make("lambda", self.region, self.account, f"function:{self.name}")

    @property
    def version(self) -> str:
        return LATEST

    @property
    def contents(self) -> "tuple[Code | LayerReference, ...]":
        """What its trees are unpacked from, but for an image."""
        return (self.code, *self.configuration.layers) if self.code.image is None else ()

    @property
    def description(self) -> str:
        return self.configuration.description


class Function(Deployed, frozen=True, kw_only=True):
    """A function: its `$LATEST`, and what belongs to all of its versions."""

    tags: dict[str, str]
    published: int = 0
    """The highest version number ever given; numbers are never given again (facts/lambda-api.md §6)."""
    reserved: int | None = None
    """ReservedConcurrentExecutions."""
    recursive_loop: str = "Terminate"


class Published(Deployed, frozen=True, kw_only=True):
    """A version that never changes again."""

    number: int
    note: str | None
    """Its own description; None where it keeps that of the configuration it was made from."""

    @property
    def version(self) -> str:
        return str(self.number)

    @property
    def description(self) -> str:
        return self.configuration.description if self.note is None else self.note


D = TypeVar("D", bound=Deployed)


def created(
    key: Key, configuration: Configuration, code: Code, tags: dict[str, str], now: float, revision: str
) -> Function:
    account, region, name = key
    return Function(
        account=account,
        region=region,
        name=name,
        configuration=configuration,
        code=code,
        tags=tags,
        modified_at=now,
        revision=revision,
        state=State.PENDING,
        reason=CREATING,
        update=None,
        update_reason=None,
    )


def updating(
    function: Function, revision: str, now: float, configuration: Configuration | None = None, code: Code | None = None
) -> Function:
    """The function with a new configuration or code, not yet in force."""
    return msgspec.structs.replace(
        function,
        configuration=configuration or function.configuration,
        code=code or function.code,
        modified_at=now,
        revision=revision,
        update=Update.IN_PROGRESS,
        update_reason=CREATING,
    )


def published(function: Function, note: str | None, revision: str, version_revision: str) -> tuple[Function, Published]:
    """The function, with the number taken, and the next version of it, not yet in force."""
    number = function.published + 1
    version = Published(
        account=function.account,
        region=function.region,
        name=function.name,
        configuration=function.configuration,
        code=function.code,
        modified_at=function.modified_at,
        revision=version_revision,
        state=State.PENDING,
        reason=CREATING,
        update=Update.SUCCESSFUL if function.update else None,
        update_reason=None,
        number=number,
        note=note,
    )
    return msgspec.structs.replace(function, published=number, revision=revision), version


def settled(deployed: D, revision: str) -> D:
    """Ready: what was created, updated or published is in force."""
    return msgspec.structs.replace(
        deployed,
        revision=revision,
        state=State.ACTIVE,
        reason=None,
        update=Update.SUCCESSFUL,
        update_reason=None,
    )


def failed(deployed: D, revision: str, reason: Reason) -> D:
    """It can't be invoked any more."""
    return msgspec.structs.replace(deployed, revision=revision, state=State.FAILED, reason=reason)


def unusable(deployed: D, before: "Function | None", revision: str, reason: Reason) -> D:
    """Its code can't be made ready: it has failed, or only its update, after which it is again as it was before."""
    if before is None or not isinstance(deployed, Function):
        return failed(deployed, revision, reason)
    return msgspec.structs.replace(
        deployed,
        revision=revision,
        configuration=before.configuration,
        code=before.code,
        update=Update.FAILED,
        update_reason=reason,
    )


def inactive(deployed: D, revision: str, why: str) -> D:
    """Its code is lost to it until somebody finds it again; an update that hadn't come into force has failed."""
    reason = Reason(why, "DependencyError")
    failing = {"update": Update.FAILED, "update_reason": reason} if deployed.update is Update.IN_PROGRESS else {}
    return msgspec.structs.replace(deployed, revision=revision, state=State.INACTIVE, reason=reason, **failing)


def restoring(deployed: D, revision: str) -> D:
    """It waits for its code."""
    return msgspec.structs.replace(deployed, revision=revision, state=State.PENDING, reason=RESTORING)


def order(version: str) -> str:
    """A text that sorts as versions are listed: `$LATEST`, then by number."""
    return version if version == LATEST else version.zfill(10)


def unsettled(deployed: Deployed) -> bool:
    return deployed.state is State.PENDING or deployed.update is Update.IN_PROGRESS


def executable(deployed: Deployed) -> Version:
    """What the engine runs."""
    configuration = deployed.configuration
    return Version(
        key=f"{deployed.arn}:{deployed.revision}",
        account=deployed.account,
        region=deployed.region,
        function_name=deployed.name,
        function_arn=deployed.arn,
        version=deployed.version,
        runtime=configuration.runtime,
        handler=configuration.handler,
        memory_mb=configuration.memory_mb,
        timeout_s=configuration.timeout_s,
        ephemeral_mb=configuration.ephemeral_mb,
        code=deployed.code.digest,
        variables=configuration.variables or {},
        role_arn=configuration.role,
        log_group=configuration.logging.group,
        layers=package.stack_name([layer.digest for layer in configuration.layers]),
        log_format=configuration.logging.format,
        application_log_level=configuration.logging.application_level,
        system_log_level=configuration.logging.system_level,
        traced=configuration.tracing == "Active",
        initialization=SNAP_START if configuration.snap_start and isinstance(deployed, Published) else ON_DEMAND,
        root=_root(deployed.code.image, configuration.image) if deployed.code.image else None,
    )


def _root(image: ContainerImage, wanted: ImageConfig) -> Root:
    settings = image.settings
    return Root(
        image.tree,
        wanted.entry_point or settings.entry_point,
        wanted.command or settings.command,
        wanted.working_directory or settings.working_directory,
        settings.variables,
    )
