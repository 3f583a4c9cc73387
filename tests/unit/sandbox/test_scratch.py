"""sandbox/inside/scratch.py: what it leaves of the process that it is a part of."""

import subprocess
import sys

from samovar.sandbox.spec import INSIDE

KEEPER = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import scratch

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
child = os.fork()
if child == 0:
    signal.pause()
# It ends before the program does.
program = "kill -9 $0; while read -r line < /proc/$0/stat; do case $line in *\\)\\ Z*) exit 0; esac; done"
scratch._run(["/bin/sh", "-c", program, str(child)], os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC))
print(os.path.exists("/proc/%d" % child))
"""


def test_a_child_that_ends_while_a_program_runs_is_no_zombie_afterwards():
    """Zygotes, inits and the maker of /tmp are the keeper's children, which nobody else waits for."""
    ran = subprocess.run([sys.executable, "-c", KEEPER, INSIDE], capture_output=True, text=True, timeout=60)
    assert (ran.stdout, ran.stderr) == ("False\n", "")
