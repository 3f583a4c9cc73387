"""TLS settings of botocore's clients, made ahead in the zygote.

Three clients begin with five of these contexts, which take some 7 % of their time, and speak TLS with few. A context
that nobody has changed is settings and nothing else: no session, and no key but those of tickets, which only servers
give out. So each process begins with the zygote's, and gives each of them away once. Where a variable has a say in
how one is made, botocore makes it.
"""

from __future__ import annotations

import importlib
import os
from typing import Any  # noqa: F401 - in the types

_AHEAD = 6
_HAS_A_SAY = "SSLKEYLOGFILE"


def adopt():
    # type: () -> None
    """Give those to the connection pools of botocore, as it is installed."""
    session = importlib.import_module("botocore.httpsession").URLLib3Session  # type: Any
    make = getattr(session, "_get_ssl_context", None)
    if make is None:
        return
    pools = session()
    made = [make(pools) for _ in range(_AHEAD)]

    def _get_ssl_context(self):
        # type: (Any) -> Any
        return made.pop() if made and _HAS_A_SAY not in os.environ else make(self)

    session._get_ssl_context = _get_ssl_context
