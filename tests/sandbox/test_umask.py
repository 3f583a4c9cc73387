"""Functions see what is made for them, also where the server's user keeps new files to itself (umask 077)."""

import pytest

CODE = """
import os
import boto3

def handler(event, context):
    boto3.client("sns", region_name="us-east-1")
    seen = [sorted(os.listdir(folder)) for folder in ("/var/task", "/opt", "/var/lang/bin")]
    with open("/etc/hosts") as hosts:
        return [seen[0], seen[1], len(seen[2]) > 0, "localhost" in hosts.read()]
"""


@pytest.mark.root
def test_a_strict_umask_keeps_nothing_from_functions(platforms):
    platform = platforms("--ephemeral", umask=0o077)
    try:
        function = platform.deploy({"h.py": CODE}, Handler="h.handler", MemorySize=512)
        assert function().result == [["h.py"], [], True, True]
    finally:
        platform.stop()
