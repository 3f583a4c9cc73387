"""STS: who am I (facts/iam.md §3). Every tool's first call is GetCallerIdentity.

Operations: `ops.py`. No state. Not here yet: assuming roles.
"""

from samovar.core.service import Service, bind
from samovar.services.sts import ops

__all__ = ["build"]


def build() -> Service:
    operations, direct = bind(None, ops)
    return Service("sts", operations, direct)
