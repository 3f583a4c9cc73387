"""Whether programs of this machine can resolve names below `localhost`, under which functions and APIs have addresses.

Browsers and curl know by themselves that such names are this machine (RFC 6761 §6.3). All else asks the C
library, which needs a module for it. Rule: its configuration is read; nothing is asked of any network.
"""

import sys
from pathlib import Path

REMARK = "*.localhost: browsers and curl know such names; for other programs, apt-get install libnss-myhostname"

_CONFIGURATION = Path("/etc/nsswitch.conf")
_KNOWING = {"myhostname", "resolve"}
"""systemd's modules."""


def below_localhost(configuration: Path = _CONFIGURATION) -> bool:
    if sys.platform != "linux":
        return True
    try:
        text = configuration.read_text(errors="replace")
    except OSError:
        return False
    words = [line.partition("#")[0].split() for line in text.splitlines()]
    return any(line[0] == "hosts:" and not _KNOWING.isdisjoint(line[1:]) for line in words if line)
