"""boto3, from the oldest version that is supported to the newest."""

from pathlib import Path

import boto3
import pytest

STORY = Path(__file__).with_name("story.py")

pytestmark = pytest.mark.timeout(400)  # the first run installs


def test_the_oldest_boto3_can_do_what_it_knows(run, oldest_boto3):
    done = run(str(STORY), folder=oldest_boto3)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in oldest_boto3.name


def test_the_newest_boto3_can_do_the_same(run):
    done = run(str(STORY))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == boto3.__version__
