"""`engine/images/tree.py` and `tar.py`: what layers become on disk, and every nasty layer we know of."""

import gzip
import io
import os
import stat
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest
from images import Image, Member, digest, folder, hard_link, layer, link

from samovar.engine.images import tar as tars
from samovar.engine.images import tree
from samovar.engine.images.tar import BadImage, Budget


def opened(path: Path) -> io.BytesIO:
    return io.BytesIO(path.read_bytes())


def unpack(tmp_path: Path, *layers: bytes, zipped: bool = True, budget: Budget | None = None) -> Path:
    """The tree of these layers."""
    blobs = tmp_path / "blobs"
    image = Image(*layers, zipped=zipped)
    image.save(blobs)
    made = [
        tree.Layer(opened(blobs / name.removeprefix("sha256:")), zipped, diff_id)
        for name, diff_id in zip(image.layers, image.diff_ids, strict=True)
    ]
    tree.unpack(made, tmp_path / "trees", budget or Budget())
    return tmp_path / "trees" / tree.name(image.diff_ids)


def refused(tmp_path: Path, *layers: bytes, match: str, budget: Budget | None = None) -> None:
    """These layers are refused, and nothing of them stays, inside or outside."""
    (tmp_path / "outside").mkdir(exist_ok=True)
    with pytest.raises(BadImage, match=match):
        unpack(tmp_path, *layers, budget=budget)
    assert os.listdir(tmp_path / "trees") == []
    assert os.listdir(tmp_path / "outside") == []


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def raw(
    name: bytes, kind: bytes = b"0", size: bytes = b"00000000000", content: bytes = b"", prefix: bytes = b""
) -> bytes:
    """One entry with a header made by hand."""
    header = bytearray(512)
    header[:100] = name.ljust(100, b"\0")[:100]
    header[100:108] = b"0000644\0"
    header[124:136] = size.ljust(12, b"\0")
    header[136:148] = b"00000000000\0"
    header[156:157] = kind
    header[257:265] = b"ustar\x0000"
    header[345:500] = prefix.ljust(155, b"\0")
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + sum(header[156:]) + 256)
    return bytes(header) + content + b"\0" * (-len(content) % 512)


def pax(**members: str) -> bytes:
    text = b""
    for name, value in members.items():
        record = f" {name}={value}\n".encode()
        length = len(record) + 1
        while len(str(length)) + len(record) != length:
            length += 1
        text += str(length).encode() + record
    return raw(b"pax", b"x", b"%011o" % len(text), text)


END = bytes(1024)


# --- what layers become -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zipped", [True, False])
def test_layers_become_a_tree_one_over_the_other(tmp_path, zipped):
    made = unpack(
        tmp_path,
        layer(folder("app"), Member("app/one", b"1"), Member("app/two", b"old")),
        layer(Member("app/two", b"new"), Member("./app/three", b"3" * 3_000_000)),
        zipped=zipped,
    )
    assert (made / "app/one").read_bytes() == b"1"
    assert (made / "app/two").read_bytes() == b"new"
    assert (made / "app/three").stat().st_size == 3_000_000


def test_the_mount_points_of_an_environment_are_there_whatever_the_image_has(tmp_path):
    odd = layer(
        link("tmp", "/outside"),
        Member("dev", b"no folder"),
        folder("etc"),
        link("etc/resolv.conf", "../run/x"),
        link("etc/hosts", "/etc/passwd"),
    )
    made = unpack(tmp_path, odd)
    assert all(
        (made / each).is_dir() and not (made / each).is_symlink()
        for each in ("dev", "proc", "tmp", "mnt", "var/task", "opt")
    )
    assert all(
        (made / "etc" / each).is_file() and not (made / "etc" / each).is_symlink() for each in ("hosts", "resolv.conf")
    )


def test_images_with_the_same_layers_share_a_tree(tmp_path):
    first = unpack(tmp_path, layer(Member("a", b"1")))
    (first / "mark").touch()
    assert unpack(tmp_path, layer(Member("a", b"1"))) == first
    assert (first / "mark").exists()


def test_modes_are_readable_by_everybody_and_nothing_runs_as_somebody_else(tmp_path):
    made = unpack(
        tmp_path,
        layer(
            folder("root", 0o700),
            Member("root/secret", b"", 0o600),
            Member("sudo", b"", 0o4755),
            Member("tool", b"", 0o700),
        ),
    )
    assert (mode(made / "root"), mode(made / "root/secret")) == (0o755, 0o644)
    assert (mode(made / "sudo"), mode(made / "tool")) == (0o755, 0o755)


def test_times_stay_as_compiled_python_is_checked_by_them(tmp_path):
    assert unpack(tmp_path, layer(Member("a.py", b"1"))).joinpath("a.py").stat().st_mtime == 1_600_000_000


def test_devices_and_pipes_stay_behind(tmp_path):
    made = unpack(
        tmp_path,
        layer(
            Member("null", kind=tarfile.CHRTYPE),
            Member("sda", kind=tarfile.BLKTYPE),
            Member("pipe", kind=tarfile.FIFOTYPE),
            Member("file"),
        ),
    )
    assert {"null", "sda", "pipe"}.isdisjoint(os.listdir(made))
    assert (made / "file").exists()


def test_long_names_of_both_kinds_of_tar(tmp_path):
    long = "/".join(["directory" * 10] * 5) + "/" + "n" * 200
    for format in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        made = unpack(tmp_path, layer(Member(long, b"x"), link("link", "t" * 300), Member(f"f{format}"), format=format))
        assert (made / long).read_bytes() == b"x"
        assert os.readlink(made / "link") == "t" * 300


def test_a_name_split_by_ustar_and_one_that_is_no_utf_8(tmp_path):
    made = unpack(tmp_path, raw(b"name", prefix=b"some/where") + raw(b"\xff\xfe") + END)
    assert (made / "some/where/name").exists()
    assert b"\xff\xfe" in os.listdir(bytes(made))


def test_gzip_in_several_members(tmp_path):
    data = layer(Member("a", b"1"), Member("b", b"2" * 5000))
    blob = tmp_path / "blob"
    blob.write_bytes(gzip.compress(data[:700]) + gzip.compress(data[700:]))
    tree.unpack([tree.Layer(opened(blob), True, digest(data))], tmp_path / "trees", Budget())
    assert (tmp_path / "trees" / tree.name([digest(data)]) / "b").stat().st_size == 5000


# --- whiteouts --------------------------------------------------------------------------------------------------------


def test_a_whiteout_hides_a_file_and_a_folder_of_earlier_layers(tmp_path):
    made = unpack(
        tmp_path,
        layer(Member("a/file"), Member("b/deep/file"), Member("c")),
        layer(Member("a/.wh.file"), Member(".wh.b"), Member(".wh.never-there"), Member(".wh..wh.plnk")),
    )
    assert sorted(os.listdir(made / "a")) == []
    assert not (made / "b").exists()
    assert (made / "c").exists()
    assert not [each for each in os.listdir(made) if each.startswith(".wh.")]


def test_an_opaque_folder_keeps_only_what_its_own_layer_brings(tmp_path):
    made = unpack(
        tmp_path,
        layer(Member("etc2/old"), Member("etc2/sub/old"), Member("etc2/other/old")),
        layer(Member("etc2/new"), Member("etc2/sub/new"), Member("etc2/.wh..wh..opq")),
    )
    assert sorted(os.listdir(made / "etc2")) == ["new", "sub"]
    assert os.listdir(made / "etc2/sub") == ["new"]


def test_a_whiteout_beside_what_replaces_it_hides_only_the_old(tmp_path):
    new = (Member("d/new"), Member(".wh.d"))
    for number, order in enumerate((new, new[::-1])):
        made = unpack(tmp_path, layer(Member("d/old"), Member(f"n{number}")), layer(*order))
        assert os.listdir(made / "d") == ["new"]


# --- links ------------------------------------------------------------------------------------------------------------


def test_hard_links_are_other_names_of_a_file(tmp_path):
    made = unpack(
        tmp_path,
        layer(Member("bin/busybox", b"x", 0o755), hard_link("bin/sh", "bin/busybox"), hard_link("ls", "./bin/sh")),
    )
    assert (made / "bin/sh").stat().st_ino == (made / "bin/busybox").stat().st_ino == (made / "ls").stat().st_ino


def test_what_replaces_one_name_of_a_file_leaves_the_other(tmp_path):
    made = unpack(tmp_path, layer(Member("a", b"old"), hard_link("b", "a")), layer(Member("a", b"new")))
    assert ((made / "a").read_bytes(), (made / "b").read_bytes()) == (b"new", b"old")


def test_a_path_through_a_link_goes_where_the_link_leads_in_the_root(tmp_path):
    made = unpack(
        tmp_path,
        layer(folder("usr/lib"), link("lib", "usr/lib"), link("abs", "/usr/lib")),
        layer(Member("lib/a", b"1"), Member("abs/b", b"2")),
    )
    assert sorted(os.listdir(made / "usr/lib")) == ["a", "b"]
    assert (made / "lib").is_symlink()


def test_no_path_leads_out_of_the_root(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    made = unpack(
        tmp_path,
        layer(link("up", "../../../../../../outside"), link("abs", str(outside)), Member("victim", b"v")),
        layer(Member("up/a", b"1"), Member("abs/b", b"2"), Member("abs/.wh.c"), hard_link("abs/d", "victim")),
    )
    assert os.listdir(outside) == []
    assert (made / "outside/a").read_bytes() == b"1"
    assert sorted(os.listdir(f"{made}{outside}")) == ["b", "d"]


def test_a_file_over_a_link_replaces_the_link_and_writes_nowhere_else(tmp_path):
    target = tmp_path / "outside" / "passwd"
    target.parent.mkdir()
    target.write_text("safe")
    made = unpack(tmp_path, layer(link("etc2", str(target))), layer(Member("etc2", b"evil")))
    assert (target.read_text(), (made / "etc2").read_bytes()) == ("safe", b"evil")


def test_a_folder_gives_way_to_a_file_and_a_link_to_a_folder(tmp_path):
    made = unpack(
        tmp_path, layer(Member("a/b"), link("c", "a")), layer(Member("a", b"file"), folder("c"), Member("c/d"))
    )
    assert (made / "a").is_file()
    assert os.listdir(made / "c") == ["d"]


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside/x", "a/../../outside/x", "a/..", "/../x"])
def test_names_outside_of_the_root_are_refused(tmp_path, name):
    refused(tmp_path, raw(name.encode()) + END, match="outside of its root")
    refused(tmp_path, pax(path=name) + raw(b"harmless") + END, match="outside of its root")


@pytest.mark.parametrize("target", ["../outside", "gone", "folder", "soft"])
def test_hard_links_to_what_is_no_file_of_the_image_are_refused(tmp_path, target):
    refused(
        tmp_path, layer(folder("folder"), link("soft", "/etc/passwd"), hard_link("a", target)), match="root|isn't there"
    )


def test_a_hard_link_does_not_reach_through_a_link(tmp_path):
    refused(tmp_path, layer(link("up", "/etc"), hard_link("a", "up/passwd")), match="isn't there")


def test_a_file_below_a_file_is_refused(tmp_path):
    refused(tmp_path, layer(Member("a"), Member("a/b")), match="no directory")


def test_links_in_a_circle_are_refused(tmp_path):
    refused(tmp_path, layer(link("a", "b"), link("b", "a"), Member("a/x")), match="circle")


def test_sparse_files_are_refused(tmp_path):
    refused(tmp_path, raw(b"a", b"S") + END, match="sparse")
    refused(tmp_path, pax(**{"GNU.sparse.major": "1"}) + raw(b"a") + END, match="sparse")


def test_bombs_are_refused(tmp_path):
    refused(tmp_path, layer(Member("a", bytes(3_000_000))), match="exceed", budget=Budget(2_000_000))
    refused(tmp_path, layer(Member("a")) + bytes(3_000_000), match="exceed", budget=Budget(2_000_000))
    refused(tmp_path, layer(*(Member(str(n)) for n in range(11))), match="more than", budget=Budget(entries=10))
    refused(tmp_path, raw(b"x", b"x", b"%011o" % (1 << 24)) + bytes(1 << 24), match="extended header")


@pytest.mark.parametrize(
    "data",
    [
        b"no tar" * 200,
        layer(Member("a", b"x" * 2000))[:1500],
        layer(Member("a", b"x" * 2000))[:300],
        raw(b"a", b"x", b"%011o" % 9, b"99 path=a") + raw(b"a"),
        raw(b"a", b"x", b"%011o" % 9, b"xx path=a") + raw(b"a"),
        raw(b"a", size=b"9999999"),
        raw(b"a", size=b"\xff" * 12),
        raw(b"a", b"Z") + END,
        raw(b"") + END,
        pax(path="a" * 300) + raw(b"a") + END,
        pax(path="a/" * 2000) + raw(b"a") + END,
        pax(size="-1") + raw(b"a") + END,
        raw(b"a", b"2") + END,
        raw(b".wh.") + END,
        raw(b".wh...") + END,
    ],
    ids=range(15),
)
def test_damaged_layers_are_refused(tmp_path, data):
    refused(tmp_path, data, match=".")


def test_a_layer_that_is_not_what_the_config_says_is_refused(tmp_path):
    blob = tmp_path / "blob"
    blob.write_bytes(gzip.compress(layer(Member("a"))))
    for content, match in (
        (blob.read_bytes(), "instead of"),
        (blob.read_bytes()[:-9], "damaged"),
        (b"x" * 99, "damaged"),
    ):
        blob.write_bytes(content)
        with pytest.raises(BadImage, match=match):
            tree.unpack([tree.Layer(opened(blob), True, digest(b"other"))], tmp_path / "trees", Budget())
    assert os.listdir(tmp_path / "trees") == []


# --- ends -------------------------------------------------------------------------------------------------------------


def test_unpacking_stops_when_nobody_waits_any_more(tmp_path):
    budget = Budget()
    budget.cancelled = True
    refused(tmp_path, layer(Member("a")), match="nobody waits", budget=budget)


def test_two_at_once_make_one_tree(tmp_path):
    data = layer(*(Member(f"d/{n}", b"x" * 2000) for n in range(200)))
    blob = tmp_path / "blob"
    blob.write_bytes(data)
    layers = [tree.Layer(opened(blob), False, digest(data)) for _ in range(4)]
    threads = [threading.Thread(target=tree.unpack, args=([each], tmp_path / "trees", Budget())) for each in layers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.listdir(tmp_path / "trees") == [tree.name([digest(data)])]


_UNTIL_KILLED = """
import sys
from pathlib import Path
from samovar.engine.images import tree
from samovar.engine.images.tar import Budget

class Telling(Budget):
    def count(self):
        print("entry", flush=True)
        sys.stdin.readline()

tree.unpack([tree.Layer(open(sys.argv[1], "rb"), False, sys.argv[3])], Path(sys.argv[2]), Telling())
"""


def test_a_kill_in_the_middle_leaves_nothing_after_the_next_start(tmp_path):
    data = layer(*(Member(f"f{n}", b"x" * 1000) for n in range(5)))
    blob, trees = tmp_path / "blob", tmp_path / "trees"
    blob.write_bytes(data)
    command = [sys.executable, "-c", _UNTIL_KILLED, str(blob), str(trees), digest(data)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"entry\n"
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"entry\n"
        process.kill()
    assert [each.startswith(".unpacking-") for each in os.listdir(trees)] == [True]
    tree.sweep(trees, set())
    assert os.listdir(trees) == []


def test_trees_that_nobody_names_are_removed(tmp_path):
    one, two = (unpack(tmp_path, layer(Member(name, b"1"), folder("d", 0), Member("d/x"))) for name in "ab")
    tree.remove(tmp_path / "trees", {one.name, "never-there"})
    assert os.listdir(tmp_path / "trees") == [two.name]


def test_extensions_are_found_as_the_root_has_them(tmp_path):
    made = unpack(
        tmp_path,
        layer(
            Member("real/good", b"", 0o755),
            Member("real/plain"),
            folder("real/folder"),
            link("real/host", "/bin/sh"),
            link("real/inner", "good"),
            link("opt/extensions", "/real"),
        ),
    )
    assert tree.extensions(made) == ["good", "inner", "plain"]
    assert tree.extensions(unpack(tmp_path, layer(Member("a")))) == []


def test_a_stream_is_read_in_bounded_pieces():
    class Watched:
        def read(self, size: int = -1) -> bytes:
            assert 0 <= size <= 1 << 20
            return data.read(size)

    data = io.BytesIO(layer(Member("big", bytes(5_000_000)), Member("next")))
    tar = tars.Tar(Watched(), Budget())
    assert [entry.path for entry in tar.entries()] == ["big", "next"]
