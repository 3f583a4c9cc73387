"""Makes the deployment package: the handler, its sample picture, and Pillow for the function's Python and processor.

    python build.py [--python 3.12] [--machine aarch64] [--output function.zip]

Pillow's wheel comes from the package index that pip is configured for; nothing is compiled. The same inputs give the
same bytes, so that deploying twice without a change changes nothing.
"""

import argparse
import platform
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
OURS = ("handler.py", "sample.png")
PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_24", "manylinux_2_27", "manylinux_2_28")
"""What Lambda's machines and every Linux of the last years can load; pip takes the newest wheel that fits one."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can say."""


class BuildError(Exception):
    """The package could not be made; the message says why."""


def packages(python: str, machine: str) -> Path:
    """The folder with Pillow unpacked; fetched on the first call, kept for the next."""
    kept = HERE / "build" / f"python{python}-{machine}"
    if kept.is_dir():
        return kept
    kept.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--only-binary=:all:"]
        command += ["--disable-pip-version-check", "--no-warn-script-location", "--implementation=cp"]
        command += [f"--platform={name}_{machine}" for name in PLATFORMS]
        done = subprocess.run(
            [*command, f"--python-version={python}", f"--target={scratch}/packages", "pillow"],
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise BuildError(f"pip could not fetch Pillow for Python {python} on {machine}:\n{done.stderr.strip()}")
        # Named only when complete: an interrupted download leaves nothing that looks finished.
        Path(scratch, "packages").rename(kept)
    return kept


def build(output: Path, python: str, machine: str) -> Path:
    """Write the package to `output` for Python `python` ("3.12") and processor `machine` (x86_64 or aarch64)."""
    pillow = packages(python, machine)
    files = {name: HERE / name for name in OURS}
    for path in pillow.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            files[path.relative_to(pillow).as_posix()] = path
    output.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as package:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16  # a regular file that everybody may read, as Lambda asks
            package.writestr(entry, files[name].read_bytes())
    return output


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
