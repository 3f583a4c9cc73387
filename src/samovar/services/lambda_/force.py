"""What is in force: the versions that may be invoked now, as the engine runs them. Read on the hot path.

Owns: nothing that lasts; it follows from the tables at every start. Rule: whoever puts another version in a place lets
the old one go, whose running invocations finish.
"""

from samovar.core.errors import AwsError
from samovar.engine.model import Version
from samovar.services.lambda_ import function as functions
from samovar.services.lambda_ import snapstart
from samovar.services.lambda_.function import Deployed
from samovar.services.lambda_.guards import wrong_state
from samovar.services.lambda_.ports import Engine

Place = tuple[str, str, str, str]
"""Account, region, function name, version."""


class InForce:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._versions: dict[Place, Version] = {}

    def get(self, place: Place) -> Version | None:
        return self._versions.get(place)

    def runtimes(self) -> set[str]:
        """All that are needed."""
        return {version.runtime for version in self._versions.values()}

    def enter(self, deployed: Deployed) -> str | None:
        """Let it be invoked from now on; or say why this machine can't run it: interpreters come and go."""
        problem = self._engine.runtime_available(deployed.configuration.runtime)
        if not problem:
            self._versions[*deployed.key, deployed.version] = functions.executable(deployed)
        return problem

    def enter_late(self, deployed: Deployed) -> Version:
        """Enter what an invocation wants and couldn't be entered when it became ready; raises if it still can't be."""
        if snapstart.awaits(deployed):
            raise snapstart.not_ready()
        if deployed.state is not functions.State.ACTIVE:
            raise wrong_state(deployed)
        problem = self.enter(deployed)
        if problem:
            raise AwsError("InvalidRuntimeException", problem)
        return self._versions[*deployed.key, deployed.version]

    def withdraw(self, deployed: Deployed) -> None:
        version = self._versions.pop((*deployed.key, deployed.version), None)
        if version is not None:
            self._engine.retire(version.key)
