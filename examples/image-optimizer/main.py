"""Deploys the image optimizer, pushes pictures through it at a rate, and shows what came of it and what it costs.

    run                                   samples, through a platform that is running or else one of its own
    run --pictures ~/Pictures --rate 20   your own
    run --aws                             on AWS, with your credentials; `--remove` takes everything away again
"""

import argparse
import os
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import bill  # noqa: E402 - the folder of the examples comes first
import pictures as sources  # noqa: E402
import report  # noqa: E402
import stack  # noqa: E402
import usage as usages  # noqa: E402
from botocore.exceptions import BotoCoreError, ClientError  # noqa: E402
from deployment_package import BuildError, packages  # noqa: E402
from push import Shot, Visitor, push, view_all  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: E402

PORT = int(os.environ.get("SAMOVAR_PORT", "4566"))
STILL_S = 180
"""So long nothing may happen before the run gives up waiting for pictures."""
MEMORY_BYTES = 2_000_000_000
"""Pictures are held in memory while they are sent; a folder with more is asked for in parts."""


class Stop(Exception):
    """The run can't go on; the message says why, and what to do."""


@contextmanager
def platform(given: argparse.Namespace, console: Console) -> Iterator[str | None]:
    """The endpoint: AWS's own (None), one that was named, a Samovar that is running, or one for this run."""
    if given.aws:
        yield None
        return
    endpoint = given.endpoint or f"http://127.0.0.1:{PORT}"
    if answers(endpoint):
        console.print(f"Using the platform at {endpoint}")
        yield endpoint
        return
    if given.endpoint:
        raise Stop(f"No Samovar answers at {endpoint}. Start one: samovar up")
    console.print("No platform is running: starting one for this run (kept in memory, gone at the end)")
    samovar = [sys.executable, "-c", "from samovar.cli import main; main()"]
    with subprocess.Popen(
        [*samovar, "up", "--ephemeral", "--fork-warm", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C ends the run, and the run ends the platform
    ) as server:
        try:
            assert server.stdout is not None
            ready = next((found for line in server.stdout if (found := re.match(r"Ready\. (http://\S+)", line))), None)
            if ready is None:
                raise Stop("The platform could not start. See why: samovar up --ephemeral")
            yield ready[1]
        finally:
            server.terminate()


def answers(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(f"{endpoint}/_samovar/health", timeout=5) as answer:
            return b'"version"' in answer.read()
    except (OSError, ValueError):
        return False


def chosen(given: argparse.Namespace, console: Console) -> Sequence[sources.Picture]:
    if given.pictures is None:
        sys.path.append(str(packages("Pillow", "{}.{}".format(*sys.version_info), stack.here())))  # it draws them
        seed = int(time.time()) if given.seed is None else given.seed
        with console.status("Drawing sample pictures ..."):
            return sources.samples(given.count, given.broken, seed)
    if not given.pictures.is_dir():
        raise Stop(f"{given.pictures} is not a folder")
    total = sum(path.stat().st_size for path in given.pictures.rglob("*") if path.is_file())
    if total > MEMORY_BYTES:
        raise Stop(f"{given.pictures} holds {report.size(total)}; at most {report.size(MEMORY_BYTES)} go in one run")
    found = sources.of(given.pictures)
    if not found:
        raise Stop(f"No pictures in {given.pictures} (looked for {', '.join(sorted(sources.SUFFIXES))})")
    return found


class Watch:
    """Sends, and waits until every picture is optimised or given up; shows how far it is."""

    def __init__(self, console: Console, cloud: stack.Cloud, made: stack.Stack, total: int) -> None:
        self._console, self._cloud, self._stack, self._total = console, cloud, made, total
        self._lock = threading.Lock()
        self._answered: list[Shot] = []
        self._told = 0.0

    def run(self, visitor: Visitor, pictures: Sequence[sources.Picture], rate: float) -> tuple[list[Shot], set[str]]:
        """(what was sent, ids of pictures that failed)"""
        columns = (TextColumn("{task.description:<10}"), BarColumn(40), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, disable=not self._console.is_terminal) as progress:
            sent = progress.add_task("sent", total=self._total)
            done = progress.add_task("[green]optimised", total=self._total)
            failed = progress.add_task("[red]failed", total=self._total)
            sender = ThreadPoolExecutor(1)
            sending = sender.submit(push, visitor, pictures, rate, self._take)
            sender.shutdown(wait=False)
            before, since, hidden = (0, 0), time.monotonic(), 0
            while True:
                sent_all = sending.done()
                wanted, made, bad = self._look()
                progress.update(sent, completed=len(self._answered))
                progress.update(done, completed=len(made))
                progress.update(failed, completed=len(bad))
                self._tell(len(made), len(bad))
                if sent_all and wanted == made | bad:
                    break
                if (now := (len(self._answered), len(made | bad))) != before:
                    before, since, hidden = now, time.monotonic(), 0
                elif time.monotonic() - since > STILL_S + (stack.HIDDEN_S if hidden else 0):
                    self._console.print(f"[red]{len(wanted - made - bad)} pictures are not done; nothing happens.[/]")
                    break
                elif not hidden and time.monotonic() - since > STILL_S / 3:
                    hidden = self._hidden()
                time.sleep(0.5)
            shots = sending.result()
            for task in (sent, done, failed):
                progress.update(task, total=progress.tasks[task].completed or 1)
            return shots, bad

    def _take(self, shot: Shot) -> None:
        with self._lock:
            self._answered.append(shot)

    def _look(self) -> tuple[set[str], set[str], set[str]]:
        with self._lock:
            wanted = {shot.id for shot in self._answered if shot.id}
        made, bad = usages.finished(self._cloud, self._stack.bucket)
        return wanted, made & wanted, bad & wanted

    def _hidden(self) -> int:
        """Messages of whoever has gone while it worked on them, as a killed server: they are worth waiting for."""
        hidden = stack.hidden(self._cloud, self._stack)
        if hidden:
            text = f"{hidden} messages are still being worked on, or come back {stack.HIDDEN_S} s after they were taken"
            self._console.print(f"[yellow]{text}.[/]")
        return hidden

    def _tell(self, made: int, bad: int) -> None:
        """A line now and then where there is no terminal to draw bars on."""
        if not self._console.is_terminal and time.monotonic() - self._told > 2:
            self._told = time.monotonic()
            self._console.print(f"sent {len(self._answered)}/{self._total}, optimised {made}, failed {bad}")


def save(folder: Path, cloud: stack.Cloud, bucket: str, shots: Sequence[Shot]) -> None:
    """Write the optimised pictures to a folder, by their names."""
    folder.mkdir(parents=True, exist_ok=True)
    for shot in shots:
        if shot.viewed:
            suffix = shot.viewed[0].rpartition("/")[2]
            stem = re.sub(r"[^\w.-]", "_", Path(shot.name).stem)
            key = f"optimised/{shot.id}.{suffix}"
            cloud("s3").download_file(bucket, key, str(folder / f"{stem}-{shot.id[:6]}.{suffix}"))
    console = Console(highlight=False)
    console.print(f"The optimised pictures are in {folder}/")


def run(given: argparse.Namespace, console: Console, endpoint: str | None) -> int:
    cloud = stack.Cloud(endpoint, given.region)
    if given.remove:
        stack.remove(cloud)
        console.print("Removed what earlier runs had made")
        return 0
    if given.fresh:
        stack.empty(cloud)
    pictures = chosen(given, console)
    began = time.monotonic()
    with console.status("Deploying ..."):
        made = stack.deploy(cloud, given.python, stack.here(), given.concurrency)
    console.print(
        f"Deployed in {time.monotonic() - began:.1f} s: HTTP API, two functions (python{given.python}, "
        f"{report.size(made.packed)}), queue, dead-letter queue, bucket\n  {made.url}\n"
    )
    total = report.size(sum(len(picture.content) for picture in pictures))
    console.print(f"Sending {len(pictures)} pictures, {total}, {given.rate:g} a second\n")
    since, visitor = time.time(), Visitor(made.url, endpoint)
    shots, failed = Watch(console, cloud, made, len(pictures)).run(visitor, pictures, given.rate)
    fresh = {shot.id for shot in shots if shot.id and not shot.known}
    dead = usages.dead_letters(cloud, made.dead_url, failed)
    view_all(visitor, [shot for shot in shots if shot.id and shot.id not in failed])
    usage = usages.read(cloud, since, visitor.requests - visitor.refused, fresh)
    console.print()
    show(console, given, shots, usage, visitor, dead)
    if given.save:
        save(given.save, cloud, made.bucket, shots)
    lost = [shot for shot in shots if shot.error or (shot.id not in failed and not shot.viewed)]
    return 1 if lost else 0


def show(
    console: Console,
    given: argparse.Namespace,
    shots: Sequence[Shot],
    usage: usages.Usage,
    visitor: Visitor,
    dead: usages.Dead,
) -> None:
    report.pictures(console, shots, usage)
    known = sum(shot.known for shot in shots)
    if known:
        console.print(f"{known} had been sent before, with the same content: stored and optimised once.", style="dim")
    report.times(console, shots, usage)
    report.pace(console, shots, given.rate, visitor)
    report.failures(console, shots, usage, dead)
    used = report.used(shots, usage, visitor, given.month)
    report.the_bill(console, bill.lines(used, len(shots), given.month), len(shots), given.month)
    if not usage.complete:
        console.print("[yellow]The logs did not tell of everything in time: the bill is too low.[/]")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--pictures", type=Path, metavar="FOLDER", help="your own pictures (default: samples are drawn)"
    )
    parser.add_argument("--count", type=int, default=24, help="so many samples (default: %(default)s)")
    parser.add_argument(
        "--broken", type=int, default=3, help="so many of them can't be optimised (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, help="the same samples as another run with this number")
    parser.add_argument("--rate", type=float, default=5, help="pictures a second (default: %(default)s)")
    parser.add_argument("--concurrency", type=int, default=4, help="environments that optimise (default: %(default)s)")
    parser.add_argument("--month", type=int, default=1_500_000, help="pictures in the month of the bill")
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="write the optimised pictures there")
    parser.add_argument("--endpoint", help=f"of a platform (default: port {PORT} here, else one for this run)")
    parser.add_argument("--aws", action="store_true", help="on AWS, with the credentials that boto3 finds")
    parser.add_argument("--region", default=os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))
    here = "{}.{}".format(*sys.version_info)
    parser.add_argument("--python", default=here, help="the functions' Python (default: %(default)s)")
    parser.add_argument("--fresh", action="store_true", help="forget the pictures of earlier runs first")
    parser.add_argument("--remove", action="store_true", help="remove what earlier runs made, and nothing else")
    given = parser.parse_args()
    if given.rate <= 0 or given.count < 1 or given.broken < 0 or given.month < 1 or not 2 <= given.concurrency <= 1000:
        parser.error("--rate, --count and --month must be more than 0, --concurrency from 2 to 1000")
    if given.aws:
        os.environ.pop("AWS_ENDPOINT_URL", None)
    else:  # any credentials do, and no profile is looked up
        os.environ.pop("AWS_PROFILE", None)
        os.environ.setdefault("AWS_ACCESS_KEY_ID", "test")
        os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "test")
    return given


def main() -> None:
    given = arguments()
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=120)
    try:
        with platform(given, console) as endpoint:
            code = run(given, console, endpoint)
    except (Stop, BuildError, BotoCoreError, ClientError, TimeoutError) as error:
        sys.exit(f"The run stopped: {error}")
    except KeyboardInterrupt:
        sys.exit("Stopped. What was deployed is still there: run --remove takes it away.")
    sys.exit(code)


if __name__ == "__main__":
    main()
