"""`engine/package.py` and `engine/archive.py`: what a package becomes on disk, and every nasty zip we know of."""

import base64
import hashlib
import io
import os
import random
import shutil
import stat
import struct
import threading
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samovar.core.errors import AwsError
from samovar.engine import archive, package
from samovar.engine.package import remove, unpack

BAD_ZIP = "Could not unzip uploaded file. Please check your file, then try to upload again."
TOO_BIG = "Unzipped size must be smaller than 262144000 bytes"


class Member:
    """An entry of a zip made by hand: everything that a header says may be a lie."""

    def __init__(self, name: str | bytes, content: bytes = b"", mode: int = 0o100644, method: int = 8, **lies) -> None:
        self.name = name.encode() if isinstance(name, str) else name
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.packed = lies.get("packed", deflater.compress(content) + deflater.flush() if method == 8 else content)
        self.crc = lies.get("crc", zlib.crc32(content))
        self.size = lies.get("size", len(content))
        self.packed_size = lies.get("packed_size", len(self.packed))
        self.flags = lies.get("flags", 0)
        self.method = method
        self.attributes = mode << 16
        self.local_name = lies.get("local_name", self.name)
        self.local_flags = lies.get("local_flags", self.flags)
        self.offset = lies.get("offset")


def make_zip(*members: Member, count: int | None = None, prefix: bytes = b"", comment: bytes = b"") -> bytes:
    body, directory = b"", b""
    for m in members:
        offset = len(body) if m.offset is None else m.offset
        sizes = (m.crc, m.packed_size, m.size)
        body += struct.pack("<4s5H3I2H", b"PK\3\4", 20, m.local_flags, m.method, 0, 0, *sizes, len(m.local_name), 0)
        body += m.local_name + m.packed
        directory += struct.pack(
            "<4s6H3I5H2I", b"PK\1\2", 0x031E, 20, m.flags, m.method, 0, 0, *sizes, len(m.name), 0, 0, 0, 0,
            m.attributes, offset,
        ) + m.name  # fmt: skip
    n = len(members) if count is None else count
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, n, n, len(directory), len(body), len(comment))
    return prefix + body + directory + end + comment


def refused(data: bytes, root: Path, message: str = BAD_ZIP, code: str = "InvalidParameterValueException") -> None:
    """`data` is refused with these words, and nothing of it stays."""
    root.mkdir(exist_ok=True)
    with pytest.raises(AwsError) as caught:
        unpack(data, root)
    assert (caught.value.code, caught.value.message, caught.value.members) == (code, message, {"Type": "User"})
    assert os.listdir(root) == []


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_package_becomes_a_tree_named_after_the_zip(tmp_path):
    data = make_zip(Member("app.py", b"print(1)\n"), Member("lib/deep/x.txt", b"x" * 100_000))
    found = unpack(data, tmp_path / "packages")
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert found.code_sha256 == base64.b64encode(hashlib.sha256(data).digest()).decode()
    assert found.code_size == len(data)
    assert found.path == tmp_path / "packages" / found.sha256
    assert (found.path / "app.py").read_bytes() == b"print(1)\n"
    assert (found.path / "lib/deep/x.txt").read_bytes() == b"x" * 100_000
    assert os.listdir(tmp_path / "packages") == [found.sha256]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_pythons_zipfile_writes_is_unpacked(tmp_path, method):
    noise = random.Random(1).randbytes(3_000_000)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as writer:
        writer.mkdir("empty")
        writer.writestr("ünïcode.txt", "é")
        writer.writestr("zero", b"")
        with writer.open("noise", "w", force_zip64=True) as entry:
            entry.write(noise)
        writer.comment = b"made by hand"
    path = unpack(buffer.getvalue(), tmp_path).path
    assert (path / "empty").is_dir()
    assert (path / "ünïcode.txt").read_text() == "é"
    assert (path / "zero").read_bytes() == b""
    assert (path / "noise").read_bytes() == noise


def test_a_streamed_zip_with_sizes_behind_the_data_is_unpacked(tmp_path):
    class Pipe(io.RawIOBase):
        data = b""

        def writable(self) -> bool:
            return True

        def write(self, more) -> int:
            self.data += bytes(more)
            return len(more)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr("a", b"a" * 1000)
        writer.writestr("b", b"b" * 1000)
    path = unpack(pipe.data, tmp_path).path
    assert (path / "b").read_bytes() == b"b" * 1000


def test_a_zip_behind_a_shebang_line_is_unpacked(tmp_path):
    assert (unpack(make_zip(Member("a", b"1"), prefix=b"#!/usr/bin/env python3\n"), tmp_path).path / "a").is_file()


def test_permission_bits_are_kept_and_made_readable(tmp_path):
    members = [
        Member("bootstrap", mode=0o100755),
        Member("private", mode=0o100600),
        Member("secret.sh", mode=0o100711),
        Member("windows.py", mode=0),
        Member("nothing", mode=0o100000),
        Member("setuid", mode=0o104755),
        Member("setgid", mode=0o102755),
        Member("sticky", mode=0o101755),
        Member("closed/", mode=0o040000),
        Member("closed/in", mode=0o100644),
        Member("open/", mode=0o043777),
    ]
    old = os.umask(0o077)
    try:
        path = unpack(make_zip(*members), tmp_path).path
    finally:
        os.umask(old)
    assert {member.name.decode().rstrip("/"): oct(mode(path / member.name.decode())) for member in members} == {
        "bootstrap": "0o755",
        "private": "0o644",
        "secret.sh": "0o755",
        "windows.py": "0o644",
        "nothing": "0o644",
        "setuid": "0o755",
        "setgid": "0o755",
        "sticky": "0o755",
        "closed": "0o755",
        "closed/in": "0o644",
        "open": "0o755",
    }
    assert mode(path) == 0o755


def test_unpacking_again_is_free_and_changes_nothing(tmp_path):
    data = make_zip(Member("a", b"1"))
    first = unpack(data, tmp_path)
    before = first.path.stat()
    assert unpack(data, tmp_path) == first
    assert first.path.stat() == before


def test_the_same_package_unpacked_at_the_same_time_is_there_once(tmp_path):
    data = make_zip(*(Member(f"f{n}", os.urandom(1000)) for n in range(200)))
    barrier, found, failed = threading.Barrier(4), [], []

    def run() -> None:
        barrier.wait()
        try:
            found.append(unpack(data, tmp_path))
        except (OSError, AwsError) as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(set(found)) == 1
    assert os.listdir(tmp_path) == [found[0].sha256]
    assert len(os.listdir(found[0].path)) == 200


def test_links_that_stay_inside_are_kept(tmp_path):
    link = 0o120777
    path = unpack(
        make_zip(
            Member("node_modules/.bin/tool", b"../tool/cli.js", link),
            Member("node_modules/tool/cli.js", b"//"),
            Member("lib.so", b"lib.so.1", link),
            Member("lib.so.1", b"elf"),
            Member("here", b"./node_modules/", link),
            Member("dangling", b"nothing/there", link),
            Member("root", b".", link),
            Member("a/b/up", b"../..", link),
        ),
        tmp_path,
    ).path
    assert (path / "node_modules/.bin/tool").read_bytes() == b"//"
    assert (path / "here/tool/cli.js").read_bytes() == b"//"
    assert os.readlink(path / "lib.so") == "lib.so.1"
    assert os.path.realpath(path / "a/b/up") == str(path)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("l", b"/etc/passwd"),
        ("l", b".."),
        ("l", b"../outside"),
        ("a/l", b"../../outside"),
        ("a/l", b"./.././../outside"),
        ("l", b"a/../../outside"),
        ("l", b"a/.."),
        ("l", b""),
        ("l", b"a\0b"),
        ("l", b"\xff\xfe"),
        ("l", b"x" * 1025),
    ],
)
def test_links_that_could_lead_outside_are_refused(tmp_path, name, target):
    refused(make_zip(Member("a/x", b""), Member(name, target, 0o120777)), tmp_path)


def test_a_chain_of_links_that_leads_outside_is_refused(tmp_path):
    """`s` is the root itself, so that `s/..` is outside although the names alone stay inside."""
    refused(make_zip(Member("s", b".", 0o120777), Member("a/l", b"../s/..", 0o120777)), tmp_path)


@pytest.mark.parametrize("order", [1, -1])
def test_nothing_is_written_through_a_link(tmp_path, order):
    (tmp_path / "outside").mkdir()
    members = [Member("d", b"e", 0o120777), Member("d/evil", b"!"), Member("e/x", b"")]
    refused(make_zip(*members[::order]), tmp_path / "packages")


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "a/../../evil",
        "a/..",
        "..",
        "/etc/evil",
        "//evil",
        "a//b",
        "C:/evil",
        "c:evil",
        "..\\evil",
        "a\\b",
        "a\0b",
        "",
        "/",
        b"\xff\xfe.py",
        "x" * 256,
        "a/" * 512 + "x",
        "d/" * 128 + "x",
        "/".join(["x" * 200] * 6),
    ],
)
def test_names_that_could_mean_another_place_are_refused(tmp_path, name):
    refused(make_zip(Member("ok.py", b""), Member(name, b"evil")), tmp_path / "packages")
    assert os.listdir(tmp_path) == ["packages"]


def test_a_dot_in_a_name_means_nothing(tmp_path):
    path = unpack(make_zip(Member("./", mode=0o040755), Member("./a/./b.py", b"1")), tmp_path).path
    assert (path / "a/b.py").read_bytes() == b"1"


@pytest.mark.parametrize(
    "members",
    [
        [Member("a", b"1"), Member("a", b"2")],
        [Member("a", b"1"), Member("./a", b"2")],
        [Member("a", b"1"), Member("a/b", b"2")],
        [Member("a/b", b"2"), Member("a", b"1")],
        [Member("a/b/c", b"2"), Member("a", b"1")],
        [Member("a", b"1"), Member("a/", mode=0o040755)],
        [Member("a/", mode=0o040755), Member("a", b"1")],
        [Member("a", b"x", 0o120777), Member("a", b"1")],
        [Member(".", b"1")],
    ],
)
def test_a_path_has_one_meaning(tmp_path, members):
    refused(make_zip(*members), tmp_path)


@pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_devices_pipes_and_sockets_are_refused(tmp_path, kind):
    refused(make_zip(Member("x", mode=kind | 0o666)), tmp_path)


@pytest.mark.parametrize(
    "member",
    [
        Member("a", b"content", crc=1),
        Member("a", b"content", size=6),
        Member("a", b"content", size=8),
        Member("a", b"content", 0o100644, 0, size=6, packed_size=7),
        Member("a", b"content", 0o100644, 0, size=8),
        Member("a", b"content", packed=b"\xff\xff\xff", packed_size=3),
        Member("a", b"content", packed=b"", packed_size=0),
        Member("a", b"content", packed_size=3),
        Member("a", b"content", packed_size=1000),
        Member("a", b"content", flags=1),
        Member("a", b"content", flags=0x40),
        Member("a", b"content", flags=1, local_flags=0),
        Member("a", b"content", local_flags=1),
        Member("a", b"content", local_name=b"b"),
        Member("a", b"content", offset=7),
        Member("a", b"content", offset=1 << 30),
        Member("a", b"content", size=0xFFFFFFFF),
        Member("a", b"content", packed_size=0xFFFFFFFF),
        Member("a/", b"content", mode=0o040755),
        Member("a/", b"content", mode=0o100644),
    ],
)
def test_an_entry_that_does_not_bear_out_the_directory_is_refused(tmp_path, member):
    refused(make_zip(Member("first", b"1"), member), tmp_path)


@pytest.mark.parametrize("method", [1, 9, 12, 14, 93, 99])
def test_other_compressions_are_refused(tmp_path, method):
    refused(make_zip(Member("a", b"content", method=method, packed=Member("a", b"content").packed)), tmp_path)


def test_bytes_behind_a_deflate_stream_are_refused(tmp_path):
    good = Member("a", b"content")
    for rubbish in (b"x", b"x" * (1 << 16), b"x" * (1 << 18)):
        refused(make_zip(Member("a", b"content", packed=good.packed + rubbish)), tmp_path)


def test_a_deflate_stream_without_an_end_is_refused(tmp_path):
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = deflater.compress(b"content") + deflater.flush(zlib.Z_SYNC_FLUSH)
    refused(make_zip(Member("a", b"content", packed=packed)), tmp_path)


def test_entries_that_share_their_data_are_refused(tmp_path):
    """The overlapping bomb of David Fifield: many entries, one kernel of data."""
    refused(make_zip(Member("a", b"x" * 1000), Member("b", b"x" * 1000, local_name=b"b", offset=0)), tmp_path)
    inner = make_zip(Member("b", b"content"))
    inside_of_a = Member("b", b"content", offset=30 + len("a"))
    refused(make_zip(Member("a", inner, method=0), inside_of_a), tmp_path)


def test_the_count_of_entries_must_be_right(tmp_path):
    for count in (1, 3, 0, 0xFFFF):
        refused(make_zip(Member("a"), Member("b"), count=count), tmp_path)


@pytest.mark.parametrize("at", [4, 6])
def test_a_part_of_a_zip_on_several_disks_is_refused(tmp_path, at):
    data = bytearray(make_zip(Member("a")))
    data[-22 + at] = 1
    refused(bytes(data), tmp_path)


@pytest.mark.parametrize("data", [b"not a zip", b"PK\3\4", b"PK\5\6", b"\0" * 1000, b"PK\5\6" + b"\xff" * 18])
def test_what_is_no_zip_is_refused(tmp_path, data):
    refused(data, tmp_path)


def test_an_empty_zip_is_refused_in_its_own_words(tmp_path):
    refused(b"", tmp_path, "Uploaded file must be a non-empty zip")
    refused(make_zip(), tmp_path, "Uploaded file must be a non-empty zip")


def test_more_than_50_mb_zipped_is_too_large(tmp_path):
    refused(
        b"PK" * 26_214_401,
        tmp_path,
        "Zipped size must be smaller than 52428800 bytes",
        "RequestEntityTooLargeException",
    )


def test_a_bomb_is_refused_before_anything_is_written(tmp_path):
    hundred_mb = Member("a", bytes(100_000_000))
    members = [hundred_mb, *(Member(f"b{n}", packed=hundred_mb.packed, size=100_000_000) for n in range(2))]
    refused(make_zip(*members), tmp_path, TOO_BIG)


def test_a_bomb_that_hides_its_size_is_stopped_at_what_it_claimed(tmp_path, monkeypatch):
    written = []
    contents = archive.contents
    monkeypatch.setattr(package, "contents", lambda entry: (written.append(len(p)) or p for p in contents(entry)))
    bomb = Member("a", bytes(100_000_000))
    bomb.size = 10
    refused(make_zip(bomb), tmp_path)
    assert sum(written) <= 10


def test_the_limit_counts_what_is_inflated(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "UNZIPPED_LIMIT", 1000)
    refused(make_zip(Member("a", b"x" * 501), Member("b", b"x" * 500)), tmp_path, TOO_BIG.replace("262144000", "1000"))
    assert unpack(make_zip(Member("a", b"x" * 500), Member("b", b"x" * 500)), tmp_path).path.is_dir()


def test_too_many_files_are_refused_also_when_they_are_only_implied_directories(tmp_path, monkeypatch):
    monkeypatch.setattr(package, "NODE_LIMIT", 50)
    refused(make_zip(*(Member(f"f{n}") for n in range(50))), tmp_path)
    refused(make_zip(Member("a/" * 30 + "x"), Member("b/" * 30 + "x")), tmp_path)
    assert unpack(make_zip(*(Member(f"f{n}") for n in range(49))), tmp_path).path.is_dir()


SAMPLE = make_zip(Member("app.py", b"print('hello')\n" * 20), Member("lib/x", b"y" * 50, method=0), Member("d/"))


@given(st.data())
def test_a_damaged_zip_is_refused_or_unpacked_but_never_anything_else(tmp_path_factory, data):
    damaged = bytearray(SAMPLE)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(SAMPLE) - 1))] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.sampled_from([len(SAMPLE), data.draw(st.integers(0, len(SAMPLE)))]))]
    root = tmp_path_factory.mktemp("damaged")
    try:
        found = unpack(bytes(damaged), root)
    except AwsError as error:
        assert error.code == "InvalidParameterValueException"
        assert os.listdir(root) == []
    else:
        assert os.listdir(root) == [found.sha256]
    assert os.listdir(root.parent).count(root.name) == 1
    shutil.rmtree(root)


def test_a_full_disk_is_not_the_callers_fault_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(package, "_sync", full)
    with pytest.raises(OSError, match="No space left"):
        unpack(make_zip(Member("a", b"1")), tmp_path)
    assert os.listdir(tmp_path) == []


def test_many_files_are_synced_at_once(tmp_path):
    path = unpack(make_zip(*(Member(f"f{n}", b"1") for n in range(300))), tmp_path).path
    assert len(os.listdir(path)) == 300


def test_remove_sweeps_what_nobody_keeps_and_what_a_crash_left(tmp_path):
    kept = unpack(make_zip(Member("a", b"kept")), tmp_path)
    gone = unpack(make_zip(Member("a/b", b"gone"), Member("l", b"a", 0o120777)), tmp_path)
    leftover = tmp_path / ".unpacking-x"
    (leftover / "half").mkdir(parents=True)
    remove(tmp_path, {kept.sha256})
    assert os.listdir(tmp_path) == [kept.sha256]
    assert (kept.path / "a").read_bytes() == b"kept"
    assert not gone.path.exists()
    remove(tmp_path / "never made", set())


# --- stacks -----------------------------------------------------------------------------------------------------------


def layers(root: Path, *zips: list[Member]) -> list[str]:
    return [unpack(make_zip(*members), root).sha256 for members in zips]


def tree(root: Path) -> dict[str, str]:
    """Path -> text, or where the link points; directories end with a slash."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"
        elif path.is_dir():
            found[f"{name}/"] = ""
        else:
            found[name] = path.read_text()
    return found


def link(name: str, target: str) -> Member:
    return Member(name, target.encode(), mode=stat.S_IFLNK | 0o777)


def test_a_later_tree_of_a_stack_overwrites_an_earlier_one(tmp_path):
    """facts/lambda-runtime.md §2.2: layers are extracted in list order into /opt, later ones overwrite."""
    one, two, three = layers(
        tmp_path,
        [Member("python/a.py", b"one"), Member("python/b.py", b"one"), Member("bin/tool", b"one", mode=0o100755)],
        [Member("python/b.py", b"two"), Member("lib/c", b"two")],
        [Member("bin/tool", b"three", mode=0o100644)],
    )
    package.stack(tmp_path, [one, two, three])
    made = tmp_path / package.stack_name([one, two, three])
    assert tree(made) == {
        "bin/": "", "bin/tool": "three", "lib/": "", "lib/c": "two",
        "python/": "", "python/a.py": "one", "python/b.py": "two",
    }  # fmt: skip
    assert (mode(made), mode(made / "bin"), mode(made / "bin/tool")) == (0o755, 0o755, 0o644)
    package.stack(tmp_path, [three, two, one])
    assert tree(tmp_path / package.stack_name([three, two, one]))["bin/tool"] == "one"
    assert tree(tmp_path / two) == {"lib/": "", "lib/c": "two", "python/": "", "python/b.py": "two"}  # untouched


def test_a_stack_shares_its_files_and_outlives_the_trees_it_is_made_of(tmp_path):
    one, two = layers(tmp_path, [Member("a", b"1")], [Member("b", b"2")])
    package.stack(tmp_path, [one, two])
    name = package.stack_name([one, two])
    assert (tmp_path / name / "a").samefile(tmp_path / one / "a")
    remove(tmp_path, {name})
    assert os.listdir(tmp_path) == [name]
    assert tree(tmp_path / name) == {"a": "1", "b": "2"}
    remove(tmp_path, set())
    assert os.listdir(tmp_path) == []


def test_one_tree_is_its_own_stack_and_no_tree_is_none(tmp_path):
    (one,) = layers(tmp_path, [Member("a", b"1")])
    package.stack(tmp_path, [one])
    package.stack(tmp_path, [])
    assert (package.stack_name([one]), package.stack_name([])) == (one, "")
    assert os.listdir(tmp_path) == [one]


def test_what_replaces_a_directory_or_a_link_in_a_stack_replaces_all_of_it(tmp_path):
    """A directory in the place of a link is not written through the link."""
    one, two = layers(
        tmp_path,
        [Member("real/x", b"1"), link("alias", "real"), Member("folder/deep/y", b"1"), Member("file", b"1")],
        [Member("alias/z", b"2"), link("folder", "real"), Member("file/inside", b"2")],
    )
    package.stack(tmp_path, [one, two])
    assert tree(tmp_path / package.stack_name([one, two])) == {
        "alias/": "", "alias/z": "2", "file/": "", "file/inside": "2", "folder": "-> real", "real/": "", "real/x": "1",
    }  # fmt: skip


def test_a_stack_is_complete_or_absent(tmp_path, monkeypatch):
    one, two = layers(tmp_path, [Member("a", b"1")], [Member("b", b"2")])
    links = []

    def fail(source, place, **options):
        links.append(place)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(package.os, "link", fail)
    with pytest.raises(OSError, match="No space"):
        package.stack(tmp_path, [one, two])
    assert links and sorted(os.listdir(tmp_path)) == sorted([one, two])


def test_where_a_file_can_have_no_more_links_a_stack_has_a_copy(tmp_path, monkeypatch):
    one, two = layers(tmp_path, [Member("a", b"1", mode=0o100755), link("l", "a")], [Member("b", b"2")])

    def fail(source, place, **options):
        raise OSError(31, "Too many links")

    monkeypatch.setattr(package.os, "link", fail)
    package.stack(tmp_path, [one, two])
    made = tmp_path / package.stack_name([one, two])
    assert tree(made) == {"a": "1", "b": "2", "l": "-> a"}
    assert mode(made / "a") == 0o755


def test_the_unzipped_size_of_a_tree_is_what_its_zip_announced(tmp_path):
    members = [Member("d/a", b"x" * 1000), Member("d/b", b"y" * 200_000), link("l", "d/a"), link("m", "d")]
    (one,) = layers(tmp_path, members)
    assert package.unzipped_size(tmp_path / one) == sum(member.size for member in members)


PATHS = st.sampled_from(["a", "b", "a/a", "a/b", "b/a", "a/a/a", "b/a/b"])
TREES = st.lists(
    st.dictionaries(PATHS, st.one_of(st.none(), st.sampled_from(["a", "b", "a/b"])), min_size=1), max_size=3, min_size=2
)


@given(TREES)
def test_no_link_of_a_stack_leads_out_of_it(tmp_path_factory, trees):
    """Whatever replaces what: every path of the stack is one of the tree that brought it, and stays inside."""
    root = tmp_path_factory.mktemp("stack")
    names = []
    for number, paths in enumerate(trees):
        members = []
        for path, target in paths.items():
            if any(other.startswith(f"{path}/") for other in paths):
                continue  # a directory: its children make it
            up = "../" * path.count("/")
            members.append(Member(path, str(number).encode()) if target is None else link(path, up + target))
        names.append(unpack(make_zip(*members), root).sha256)
    package.stack(root, names)
    made = root / package.stack_name(names)
    for path in made.rglob("*"):
        if path.is_symlink():
            assert os.path.normpath(path.parent / os.readlink(path)).startswith(f"{made}/")
    for path in tree(root / names[-1]):
        assert os.path.lexists(made / path)
