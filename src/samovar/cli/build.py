"""How the Python that the server runs on was built: with a profile, as distributions do, or without, as pyenv does.

Rule: what is told is what the build's own configuration says. Distributions build with a profile by other means than
the option for it, so their Pythons aren't doubted.
"""

import platform
import sys
import sysconfig

_OPTION = "--enable-optimizations"
_DISTRIBUTIONS = "/usr"
"""Where theirs are installed."""


def remark(prefix: str = sys.base_prefix, configured: str | None = None) -> str:
    """What to do about a Python that was built without optimizations; empty where nothing is known against it.

    `configured`: the options of its `configure`; by default those of this Python.
    """
    options = str(sysconfig.get_config_var("CONFIG_ARGS") or "") if configured is None else configured
    if not options or _OPTION in options or prefix == _DISTRIBUTIONS:
        return ""
    return (
        f"Python {platform.python_version()} was built without {_OPTION}, so a request takes a fifth more CPU: use a "
        f"distribution's, or build with it (PYTHON_CONFIGURE_OPTS={_OPTION} pyenv install ...)"
    )
