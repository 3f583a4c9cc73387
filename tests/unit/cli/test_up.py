"""`samovar up` as a process: what it prints, how it stops, how it fails. And what the other commands don't load."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SAMOVAR = [sys.executable, "-c", "from samovar.cli import main; main()"]


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment in which nothing of the developer's own settings is found."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SAMOVAR_", "XDG_", "AWS_"))}
    return {**kept, "HOME": str(tmp_path)}


@contextmanager
def started(home: dict[str, str], *arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A server, and the lines it printed up to `Ready.`"""
    process = subprocess.Popen(
        [*SAMOVAR, "up", "--port", "0", *arguments],
        env=home,
        cwd=home["HOME"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    lines = []
    try:
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("Ready."):
                break
        assert lines and lines[-1].startswith("Ready."), process.stderr.read()
        yield process, lines
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def run(home: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*SAMOVAR, *arguments], env=home, cwd=home["HOME"], capture_output=True, text=True, timeout=30, check=False
    )


def test_the_banner_is_plain_without_a_terminal_and_ends_with_the_readiness_line(home: dict[str, str]) -> None:
    with started(home) as (_, lines):
        assert re.fullmatch(r"Samovar \d+\.\d+\.\d+", lines[0])
        told = {line.split()[0]: line for line in lines[1:-1]}
        told.pop("Names", None)  # only where something has to be done about them
        assert list(told) == ["Endpoint", "Isolation", "Auth", "Data"]
        assert told["Data"].endswith(f"{home['HOME']}/.local/share/samovar")
        ready = re.fullmatch(r"Ready\. http://127\.0\.0\.1:(\d+) in \d+\.\d\d s", lines[-1])
        assert ready and int(ready[1]) > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_cleanly(home: dict[str, str], number: signal.Signals) -> None:
    with started(home, "--ephemeral") as (process, _):
        process.send_signal(number)
        out, err = process.communicate(timeout=15)
        assert process.returncode == 0
        assert out.startswith("Stopping") and err == ""


def test_a_second_signal_does_not_wait_for_what_still_runs(home: dict[str, str]) -> None:
    with started(home, "--ephemeral", "--shutdown-grace-s", "100") as (process, lines):
        port = int(re.findall(r":(\d+) in", lines[-1])[0])
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
            process.send_signal(signal.SIGINT)
            assert process.stdout is not None
            assert process.stdout.readline().startswith("Stopping")
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=0.3)
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=10) == -signal.SIGINT


def test_a_taken_port_is_said_without_a_traceback(home: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(home, "up", "--ephemeral", "--port", str(port))
    assert done.returncode == 1
    assert f"port {port}: Address already in use" in done.stderr and "--port" in done.stderr
    assert "Traceback" not in done.stderr and "Ready" not in done.stdout


def test_a_data_directory_in_use_is_said_without_a_traceback(home: dict[str, str]) -> None:
    with started(home, "--data-dir", "here") as (process, _):
        done = run(home, "up", "--port", "0", "--data-dir", "here")
        assert done.returncode == 1
        assert "in use" in done.stderr and str(process.pid) in done.stderr
        assert "Traceback" not in done.stderr


def test_a_bad_setting_is_said_before_anything_starts(home: dict[str, str]) -> None:
    done = run(home, "up", "--isolation", "perfect")
    assert done.returncode == 2
    assert "one of auto, full, namespaces, process" in done.stderr
    done = run({**home, "SAMOVAR_PORT": "x"}, "up")
    assert done.returncode == 2 and "SAMOVAR_PORT" in done.stderr


def test_every_flag_is_in_the_help(home: dict[str, str]) -> None:
    shown = run(home, "up", "--help").stdout
    for flag in ("--host", "--port", "--data-dir", "--ephemeral / --no-ephemeral", "--isolation", "--config"):
        assert flag in shown


def test_help_does_not_wait_for_the_server_to_be_imported(home: dict[str, str]) -> None:
    check = (
        "import sys; from samovar.cli import main; main(['up', '--help'], standalone_mode=False);"
        "assert not {'samovar.app', 'samovar.gateway', 'uvloop', 'asyncio', 'sqlite3'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", check], env=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_runtimes_lists_the_interpreters_of_this_machine(home: dict[str, str]) -> None:
    done = run(home, "runtimes")
    assert done.returncode == 0
    assert f"python{sys.version_info.major}.{sys.version_info.minor}" in done.stdout


def test_the_list_of_commands_cuts_no_description_off(home: dict[str, str]) -> None:
    for group in ([], ["keys"], ["runtimes"]):
        done = run(home, *group, "--help")
        _, found, commands = done.stdout.partition("Commands:")
        assert found and "..." not in commands


def test_a_switch_that_is_on_by_default_says_so(home: dict[str, str]) -> None:
    shown = " ".join(run(home, "up", "--help").stdout.split())
    assert "[default: --bill-init]" in shown and "[default: --tls]" not in shown


def test_the_path_of_a_certificate_that_is_not_there_yet_comes_with_a_remark_beside_it(home: dict[str, str]) -> None:
    done = run(home, "ca")
    assert done.returncode == 0 and done.stdout == f"{home['HOME']}/.local/share/samovar/tls/ca.pem\n"
    assert "no such file yet" in done.stderr


def test_every_command_that_asks_a_server_takes_its_address(home: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    done = run(home, "events", "--endpoint", address)
    assert done.returncode == 1 and f"no Samovar answers at {address}" in done.stderr
    done = run({**home, "AWS_ENDPOINT_URL": address}, "events")
    assert f"no Samovar answers at {address}" in done.stderr
    done = run(home, "keys", "list", "--endpoint", address)
    assert done.returncode == 1 and "there is no secret.key" in done.stderr
