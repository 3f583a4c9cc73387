"""What is said of a machine that lacks protections."""

from samovar.sandbox.doctor import Machine, Protection
from samovar.sandbox.spec import Isolation


def test_a_reason_that_several_protections_share_is_said_once():
    lacking = [Protection(name, False, "not delegated") for name in ("memory limit", "freezer")]
    machine = Machine(Isolation.NAMESPACES, [Protection("files", True, "read-only"), *lacking])
    assert machine.why_not(Isolation.FULL) == "memory limit, freezer: not delegated"
    assert machine.why_not(Isolation.NAMESPACES) == ""
