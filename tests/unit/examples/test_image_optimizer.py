"""examples/image-optimizer: the bill's arithmetic, the tables' numbers, and the function that makes the pictures."""

import importlib
import io
import platform
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.fixture(scope="module")
def example():
    """Imports a module of the example, Pillow beside it; none of it stays."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES))
        patch.syspath_prepend(str(EXAMPLES / "image-optimizer"))
        patch.syspath_prepend(str(EXAMPLES / "image-optimizer" / "functions"))
        package = importlib.import_module("deployment_package")
        try:
            pillow = package.packages("Pillow", "{}.{}".format(*sys.version_info), platform.machine())
        except package.BuildError as error:
            pytest.skip(f"Pillow is needed from a package index: {error}")
        patch.syspath_prepend(str(pillow))
        patch.setenv("BUCKET", "b")
        patch.setenv("QUEUE_URL", "q")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield importlib.import_module
        ours = {"PIL", *(path.stem for path in (EXAMPLES / "image-optimizer").rglob("*.py"))}
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in ours:
                del sys.modules[name]


def test_a_month_is_the_run_scaled_but_for_what_does_not_grow(example):
    bill = example("bill")
    used = [
        bill.Used("duration", "lambda-gb-s", 30),
        bill.Used("requests", "lambda-requests", 20),
        bill.Used("idle", "sqs", 0, monthly=1_000_000),
    ]
    duration, requests, idle = bill.lines(used, pictures=10, month=1_500_000)
    assert duration.month_quantity == 4_500_000 and duration.month_usd == pytest.approx(75.00, abs=0.001)
    assert requests.month_usd == pytest.approx(0.60) and requests.usd == pytest.approx(0.000004)
    assert (idle.usd, idle.month_usd) == (0, pytest.approx(0.40))


def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(example):
    report = example("report")
    values = list(range(100, 0, -1))
    assert [report.percentile(values, p) for p in (50, 90, 99, 100)] == [50, 90, 99, 100]
    assert report.percentile([7.0], 50) == 7.0


def test_samples_are_the_same_for_the_same_seed_and_have_what_people_send(example):
    pictures = example("pictures")
    made = pictures.samples(12, 4, seed=5)
    assert made == pictures.samples(12, 4, seed=5) and len(made) == 12
    names = [each.name for each in made]
    contents = [each.content for each in made]
    assert len(set(names)) == 11 and len(set(contents)) == 11  # one name twice, one picture twice
    assert any(b"Exif" in content[:64] for content in contents)


def test_a_picture_is_turned_upright_made_smaller_and_loses_its_metadata(example):
    optimise, Image = example("optimise"), example("PIL.Image")
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera"  # held upright, stored lying
    out = io.BytesIO()
    Image.new("RGB", (3200, 1600), "red").save(out, "JPEG", exif=exif)
    small = optimise.upright(optimise.opened(out.getvalue()))
    assert small.size == (800, 1600) and small.info == {} and not small.getexif()


def test_transparency_stays_and_grey_pictures_get_colours(example):
    optimise, Image = example("optimise"), example("PIL.Image")
    assert optimise.upright(Image.new("RGBA", (10, 10), (1, 2, 3, 4))).getpixel((0, 0)) == (1, 2, 3, 4)
    assert optimise.upright(Image.new("L", (10, 10), 9)).mode == "RGB"
    assert optimise.upright(Image.new("CMYK", (10, 10))).mode == "RGB"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "An empty file"), (b"Dear reader", "Not a picture that Pillow knows"), (None, "30000 x 30000 pixels")],
)
def test_what_is_no_picture_or_too_large_a_one_is_refused_undecoded(example, content, reason):
    optimise, pictures = example("optimise"), example("pictures")
    with pytest.raises(optimise.Refused, match=reason):
        optimise.opened(pictures._bomb(0, None).content if content is None else content)


def test_messages_of_a_server_that_was_killed_are_waited_for(example, monkeypatch):
    """They come back when the queue's visibility timeout ends, which is later than a run waits for nothing at all."""
    main, stack = example("main"), example("stack")
    now = [0.0]
    monkeypatch.setattr(main.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(main.time, "sleep", lambda s: now.__setitem__(0, now[0] + 10))
    monkeypatch.setattr(main, "push", lambda *given: [])
    console = main.Console(file=io.StringIO(), width=200)
    sqs = SimpleNamespace(get_queue_attributes=lambda **given: {"Attributes": {given["AttributeNames"][0]: "4"}})
    made = stack.Stack("", "", "", "queue", "dead", 0)
    watch = main.Watch(console, lambda service: sqs, made, 1)
    done = stack.HIDDEN_S + 60
    monkeypatch.setattr(watch, "_look", lambda: ({"id"}, {"id"} if now[0] >= done else set(), set()))
    assert watch.run(None, [], 5.0) == ([], set())
    assert "4 messages are still being worked on" in console.file.getvalue()
    assert "nothing happens" not in console.file.getvalue()
