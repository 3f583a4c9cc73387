"""`samovar events` over HTTP: what was delivered where, and why something was not."""

import json
import subprocess
import sys

_COMMAND = [sys.executable, "-c", "from samovar.cli import main; main()", "events"]


def events(platform, *options: str, status: int = 0) -> str:
    run = subprocess.run(
        [*_COMMAND, "--endpoint", platform.endpoint, *options], capture_output=True, text=True, timeout=60
    )
    assert run.returncode == status, run.stdout + run.stderr
    return run.stderr if status else run.stdout


def test_it_says_why_an_event_was_not_delivered(platform, deploy, send, until, outcomes):
    function = deploy("def handler(event, context): raise ValueError('boom')")
    id = send(function)
    until(lambda: outcomes(id) == ["retry"])
    line = events(platform, "--event-id", id)
    assert f"lambda:function:{function.name}  {id}  the function failed: ValueError; again in 60 s" in line
    assert " retry " in line and " #1 " in line
    [entry] = [json.loads(line) for line in events(platform, "--event-id", id, "--json").splitlines()]
    assert (entry["source"], entry["outcome"], entry["attempt"]) == ("lambda", "retry", 1)
    assert events(platform, "--event-id", id, "--outcome", "failed") == ""


def test_a_list_of_nothing_is_empty_and_says_so_beside_it(platform):
    command = [*_COMMAND, "--endpoint", platform.endpoint, "--event-id", "none"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout == "" and run.stderr.startswith("Nothing to show")


def test_it_says_when_there_is_no_server(platform):
    said = events(platform, "--endpoint", "http://127.0.0.1:1", status=1)
    assert said.strip() == "Error: no Samovar answers at http://127.0.0.1:1: Connection refused"
