"""Makes the deployment package: the handler, its sample picture, and Pillow for the function's Python and processor.

    python build.py [--python 3.12] [--machine aarch64] [--output function.zip]
"""

import argparse
import platform
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from deployment_package import BuildError, files_below, packages, write  # noqa: E402 - it stands beside the examples

OURS = ("handler.py", "sample.png")


def build(output: Path, python: str, machine: str) -> Path:
    """Write the package to `output` for Python `python` ("3.12") and processor `machine` (x86_64 or aarch64)."""
    pillow = packages("Pillow", python, machine)
    return write(output, files_below(pillow) | {name: HERE / name for name in OURS})


def main() -> None:
    here = "{}.{}".format(*sys.version_info)
    parser = argparse.ArgumentParser(description="Make the deployment package.")
    parser.add_argument("--python", default=here, help="the function's Python (default: %(default)s)")
    parser.add_argument("--machine", default=platform.machine(), help="x86_64 or aarch64 (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=HERE / "build" / "function.zip")
    given = parser.parse_args()
    try:
        made = build(given.output, given.python, given.machine)
    except BuildError as error:
        sys.exit(str(error))
    print(f"{made}  {made.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
