"""What the host's /proc tells of a process in a box."""

from pathlib import Path


def pid_of(pidfd: int) -> int:
    """As this process sees it; -1 when it has gone."""
    info = Path(f"/proc/self/fdinfo/{pidfd}").read_text()
    return next(int(line.split()[1]) for line in info.splitlines() if line.startswith("Pid:"))


def peak_mb(pid: int) -> int:
    """The most memory that a process has had at once; 0 when it can't be told any more."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) >> 10 for line in text.splitlines() if line.startswith("VmHWM:")), 0)


def anonymous_mb(pidfd: int) -> int:
    """Memory of a process that isn't files'."""
    text = Path(f"/proc/{pid_of(pidfd)}/status").read_text()
    return next((int(line.split()[1]) >> 10 for line in text.splitlines() if line.startswith("RssAnon:")), 0)
