"""examples/image-processing-service: the function itself, and the package it is deployed in."""

import base64
import importlib
import importlib.util
import io
import platform
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "image-processing-service"


def load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def builder():
    return load("image_processing_build", EXAMPLE / "build.py")


@pytest.fixture(scope="module")
def package(builder, tmp_path_factory) -> Path:
    """The deployment package for the Python and the processor that run this test."""
    output = tmp_path_factory.mktemp("package") / "function.zip"
    try:
        return builder.build(output, "{}.{}".format(*sys.version_info), platform.machine())
    except builder.BuildError as error:
        pytest.skip(f"the package needs Pillow from a package index: {error}")


@pytest.fixture(scope="module")
def function(package, tmp_path_factory):
    """The handler as it runs on Lambda: out of the unpacked package, with its own Pillow."""
    task = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(package) as file:
        file.extractall(task)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(task))
        module = load("image_processing_handler", task / "handler.py")
        yield module
        for name in [name for name in sys.modules if name == "PIL" or name.startswith("PIL.")]:
            del sys.modules[name]


@pytest.fixture
def run(function):
    return lambda operation, **event: function.handler({"operation": operation, **event}, None)


@pytest.fixture
def image(function):
    """Opens a base64 answer as a picture."""
    return lambda text: function.Image.open(io.BytesIO(base64.b64decode(text)))


@pytest.fixture
def make(function):
    """A picture as base64 text."""

    def made(size, mode="RGB", fmt="PNG", colour="red", **options) -> str:
        out = io.BytesIO()
        function.Image.new(mode, size, colour).save(out, fmt, **options)
        return base64.b64encode(out.getvalue()).decode()

    return made


def test_ping_answers_pong(run):
    assert run("ping") == "pong"


def test_the_sample_is_the_picture_of_70_by_46_pixels_that_the_package_carries(run, image):
    sample = run("getSample")
    assert base64.b64decode(sample) == (EXAMPLE / "sample.png").read_bytes()
    assert (image(sample).format, image(sample).size) == ("PNG", (70, 46))
    assert run("getDimensions", base64Image=sample) == "70x46\n"
    assert run("identify", base64Image=sample) == "PNG 70x46 8-bit RGB 3.1KB\n"


def test_the_sample_is_what_draw_sample_draws(run, image):
    drawn = load("draw_sample", EXAMPLE / "draw_sample.py").draw()
    difference = importlib.import_module("PIL.ImageChops").difference(drawn, image(run("getSample")))
    assert difference.convert("L").getextrema()[1] <= 8  # versions of Pillow round the edges differently


def test_identify_counts_the_frames_of_an_animation(run, function):
    out = io.BytesIO()
    frames = [function.Image.new("RGB", (4, 3), colour) for colour in ("red", "green", "blue")]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    assert run("identify", base64Image=base64.b64encode(out.getvalue()).decode()).endswith("3 frames\n")


@pytest.mark.parametrize(
    ("frame", "size"),
    [
        ({"width": 140}, (140, 92)),
        ({"height": 23}, (35, 23)),
        ({"width": 100, "height": 46}, (70, 46)),
        ({"width": "7"}, (7, 5)),
    ],
)
def test_resize_keeps_the_proportions(run, image, frame, size):
    resized = image(run("resize", base64Image=run("getSample"), **frame))
    assert (resized.format, resized.size) == ("PNG", size)


def test_resize_turns_a_photograph_upright_as_its_camera_noted(run, image, make, function):
    exif = function.Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees"
    photograph = make((40, 20), fmt="JPEG", exif=exif)
    assert image(run("resize", base64Image=photograph, width=10)).size == (10, 20)


def test_a_thumbnail_is_never_larger_than_its_original(run, image, make):
    sample = run("getSample")
    assert image(run("thumbnail", base64Image=sample, width=32)).size == (32, 21)
    assert image(run("thumbnail", base64Image=sample)).size == (70, 46)
    assert image(run("thumbnail", base64Image=make((400, 200)))).size == (100, 50)


@pytest.mark.parametrize(
    ("extension", "expected"), [("jpg", "JPEG"), (".GIF", "GIF"), ("webp", "WEBP"), ("bmp", "BMP"), ("tiff", "TIFF")]
)
def test_convert_answers_in_the_format_asked_for(run, image, extension, expected):
    converted = image(run("convert", base64Image=run("getSample"), outputExtension=extension))
    assert (converted.format, converted.size) == (expected, (70, 46))


@pytest.mark.parametrize(("mode", "colour"), [("RGBA", (255, 0, 0, 0)), ("LA", (0, 0)), ("P", 0), ("1", 1)])
def test_convert_to_jpeg_lays_what_is_transparent_on_white(run, image, make, mode, colour):
    options = {"transparency": 0} if mode == "P" else {}
    source = make((8, 8), mode=mode, colour=colour, **options)
    converted = image(run("convert", base64Image=source, format="jpg"))
    assert min(converted.convert("RGB").getpixel((4, 4))) > 250


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"operation": "paint"}, "Unknown operation 'paint': expected one of convert, getDimensions"),
        ({}, "Unknown operation None"),
        ("text", "Unknown operation None"),
        ({"operation": "identify"}, "identify needs `base64Image`"),
        ({"operation": "resize", "base64Image": 7}, "resize needs `base64Image`"),
        ({"operation": "identify", "base64Image": "no!"}, "`base64Image` is not base64"),
        ({"operation": "identify", "base64Image": "YWJj"}, "is not a picture of a known format"),
        ({"operation": "resize", "base64Image": "SAMPLE"}, "resize needs `width` or `height`"),
        ({"operation": "resize", "base64Image": "SAMPLE", "width": 0}, "`width` must be a number of pixels from 1 to"),
        ({"operation": "resize", "base64Image": "SAMPLE", "height": "tall"}, "not 'tall'"),
        ({"operation": "thumbnail", "base64Image": "SAMPLE", "width": 99999}, "not 99999"),
        ({"operation": "convert", "base64Image": "SAMPLE"}, "convert needs `outputExtension`"),
        ({"operation": "convert", "base64Image": "SAMPLE", "format": "exe"}, "Cannot write 'exe'"),
    ],
)
def test_a_wrong_event_is_refused_with_the_reason(function, run, event, message):
    if isinstance(event, dict) and event.get("base64Image") == "SAMPLE":
        event = {**event, "base64Image": run("getSample")}
    with pytest.raises(function.BadRequest, match=message.replace("(", r"\(")):
        function.handler(event, None)


def test_a_damaged_picture_is_refused_with_the_reason(function, run):
    half = base64.b64encode(base64.b64decode(run("getSample"))[:1500]).decode()
    with pytest.raises(function.BadRequest, match="cannot be decoded"):
        run("getDimensions", base64Image=half)


def test_the_same_inputs_give_the_same_package(builder, package, tmp_path):
    again = builder.build(tmp_path / "again.zip", "{}.{}".format(*sys.version_info), platform.machine())
    assert again.read_bytes() == package.read_bytes()


def test_the_package_can_be_read_by_any_user_and_holds_no_bytecode(package):
    with zipfile.ZipFile(package) as file:
        entries = file.infolist()
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
    assert {"handler.py", "sample.png", "PIL/Image.py"} <= {entry.filename for entry in entries}
    assert not [entry.filename for entry in entries if entry.filename.endswith(".pyc")]


def test_a_python_that_pillow_does_not_know_is_refused_with_pips_words(builder, tmp_path):
    with pytest.raises(builder.BuildError, match=r"could not fetch Pillow for Python 2\.6"):
        builder.build(tmp_path / "none.zip", "2.6", "x86_64")
