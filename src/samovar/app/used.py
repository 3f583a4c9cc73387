"""Which services a data directory has ever been asked for.

Owns: the table `services_used`. Rule: a service is noted before anything of it can be kept, so that every later start
builds it before the door opens, and its schedules, queues and recovery go on also when nobody calls it. Where an older
Samovar has kept something, every service counts as used.
"""

from collections.abc import Iterable

from samovar.store.sqlite import Store

_MIGRATIONS = ["CREATE TABLE services_used (name TEXT PRIMARY KEY)"]


class Used:
    def __init__(self, store: Store, names: set[str]) -> None:
        self._store = store
        self._names = names

    @classmethod
    async def open(cls, store: Store, every: Iterable[str]) -> "Used":
        """Before anybody else opens tables of the store; `every` service there is."""
        kept = {str(name) for (name,) in await store.query("SELECT name FROM schema_versions")}
        await store.migrate("services", _MIGRATIONS)
        used = cls(store, {str(name) for (name,) in await store.query("SELECT name FROM services_used")})
        if kept and "services" not in kept:
            for name in every:
                await used.note(name)
        return used

    def __contains__(self, name: str) -> bool:
        return name in self._names

    async def note(self, name: str) -> None:
        if name not in self._names:
            await self._store.transact(("INSERT INTO services_used (name) VALUES (?)", (name,)))
            self._names.add(name)
