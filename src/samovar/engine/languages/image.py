"""Container images: whatever their entry point is, over the Runtime API, in a root of their own.

Owns: how a function from an image starts, and AWS's words where it doesn't.
Facts: lambda-runtime.md §2.2 and §3; the variables as a function printed them on AWS in 2022: those of the image, below
the user's and the platform's, and none that a managed runtime adds.
"""

from pathlib import Path

from samovar.engine.languages import NO_NETWORK, Found
from samovar.engine.launch import Launch, Unlaunched, as_go_says, fork_exec
from samovar.engine.model import Root, Version
from samovar.sandbox.port import NoDirectory, NotLaunched
from samovar.sandbox.spec import ZygoteSpec

IDENTIFIER = "image"
"""Stands where other functions have a runtime's identifier, and for the kind of the boxes."""
_EXECUTION_ENV = {"AWS_EXECUTION_ENV": "AWS_Lambda_Image"}
_INVALID_WORKING_DIR = "Runtime.InvalidWorkingDir"
_INVALID_ENTRYPOINT = "Runtime.InvalidEntrypoint"


class ImageLaunch(Launch, frozen=True):
    root: Root | None = None

    def unlaunched(self, refused: NotLaunched) -> Unlaunched:
        root = self.root
        assert root is not None
        argv = [*root.entry_point, *root.command]
        if isinstance(refused, NoDirectory):
            error_type, why = _INVALID_WORKING_DIR, f"chdir {root.working_directory}: {as_go_says(str(refused))}"
        elif not argv or not argv[0]:
            error_type, why = _INVALID_ENTRYPOINT, "no entry point and no command"
        elif "/" not in argv[0] and _is_missing(str(refused)):
            error_type, why = _INVALID_ENTRYPOINT, f'exec: "{argv[0]}": executable file not found in $PATH'
        else:
            error_type, why = _INVALID_ENTRYPOINT, fork_exec(refused)
        shown = (",".join(root.entry_point), ",".join(root.command), root.working_directory)
        line = "IMAGE\tLaunch error: {}\tEntrypoint: [{}]\tCmd: [{}]\tWorkingDir: [{}]".format(why, *shown)
        return Unlaunched(error_type, why, line)


class Images:
    def __init__(self, cache: Path, own_network: bool) -> None:
        """`own_network`: whether each environment has one, and with that mounts of its own."""
        self._cache = cache
        self._problem = "" if own_network else NO_NETWORK.format("A container image")

    def owns(self, identifier: str) -> bool:
        return identifier == IDENTIFIER

    def identifiers(self) -> list[str]:
        return []  # none that a function could be given

    def found(self) -> list[Found]:
        return []

    def problem(self, identifier: str) -> str:
        return self._problem

    def zygote(self, identifier: str) -> ZygoteSpec:
        return ZygoteSpec(None, "", None, [], {}, self._cache / identifier)

    def launch(self, version: Version) -> Launch:
        root = version.root
        assert root is not None
        return ImageLaunch(
            IDENTIFIER,
            prepared=False,
            frames=False,
            environ={**root.variables, **_EXECUTION_ENV},
            programs=_tries(root, version),
            working_directory=root.working_directory,
            root=root,
        )

    def tools(self) -> list[tuple[Path, str]]:
        return []

    def program(self, version: Version) -> list[str]:
        return []


def _tries(root: Root, version: Version) -> list[list[str]]:
    """A name without a slash is looked for in the folders of PATH, as containers' runtimes do."""
    argv = [*root.entry_point, *root.command]
    if not argv or not argv[0] or "/" in argv[0]:
        return [argv] if argv else []
    folders = version.variables.get("PATH", root.variables.get("PATH", "")).split(":")
    return [[f"{folder.rstrip('/')}/{argv[0]}", *argv[1:]] for folder in folders if folder.startswith("/")]


def _is_missing(refused: str) -> bool:
    return not refused or refused.endswith("No such file or directory")
