"""What pollers ask of others, handed in by `app`."""

from collections.abc import Callable
from typing import Protocol

from samovar.engine.model import Invocation, Result, Version


class Functions(Protocol):
    """Who knows the functions: the Lambda service."""

    def version(self, function: str) -> Version | None:
        """What runs for an ARN with or without qualifier; None when it is gone, AwsError while it can't run."""
        ...

    def session(self, function: str) -> str:
        """The principal that its role gives it, in whose name its sources are read; empty when it is gone."""
        ...

    def may_recur(self, function: str) -> bool: ...


class Runner(Protocol):
    """Who runs them: the engine."""

    def start(self, version: Version, invocation: Invocation, done: Callable[[Result], None]) -> None: ...
