"""The services of a platform by name, each built when it is first needed.

Owns: who is there, who could be, and building each once. Refuses: knowing how one is built.

Rules: whoever asks first has it built, whoever asks meanwhile waits for the same; a caller who goes away stops nothing.
What failed is tried anew by the next. After `close` nothing is built any more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

from samovar.core.errors import AwsError
from samovar.core.service import Service

Build = Callable[[], Awaitable[Service]]


class Services:
    def __init__(self, services: Mapping[str, Service | Build]) -> None:
        """By name: each as it is, or how it is built."""
        self._builders = {name: build for name, build in services.items() if not isinstance(build, Service)}
        self._here = {name: service for name, service in services.items() if isinstance(service, Service)}
        self._names = tuple(services)
        self._building: dict[str, asyncio.Task[Service]] = {}
        self._closed = False

    @classmethod
    def of(cls, built: Iterable[Service]) -> "Services":
        """Where all are there already."""
        return cls({service.name: service for service in built})

    @property
    def built(self) -> list[Service]:
        return list(self._here.values())

    def __iter__(self) -> Iterator[str]:
        """The names of all, whether or not they are built."""
        return iter(self._names)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def here(self, name: str) -> Service | None:
        """A service that is there already."""
        return self._here.get(name)

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those of `names` that aren't."""
        return [name for name in names if name not in self._here]

    async def open(self, name: str) -> Service:
        """A service, built if it isn't there yet; KeyError when nobody knows it."""
        found = self._here.get(name)
        if found is not None:
            return found
        building = self._building.get(name)
        if building is None:
            if self._closed:
                raise AwsError("ServiceUnavailableException", "The server is shutting down.")
            building = self._building[name] = asyncio.create_task(self._build(name), name=f"building {name}")
        return await asyncio.shield(building)

    async def open_all(self, names: Iterable[str]) -> None:
        for name in names:
            await self.open(name)

    async def close(self) -> None:
        """Wait for those that are being built: what closes them is known when they are done."""
        self._closed = True
        if self._building:
            await asyncio.wait(self._building.values())

    async def _build(self, name: str) -> Service:
        try:
            service = self._here[name] = await self._builders[name]()
        finally:
            del self._building[name]
        return service
