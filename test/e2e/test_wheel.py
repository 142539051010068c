# SPDX-License-Identifier: Apache-2.0
"""Unpacking and installing wheels, driven by test/tools/wheel.c: real ones against what pip makes of them, hostile ones against a
table of refusals."""

import csv
import fcntl
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from conftest import BUILD, SANITIZED
from real_index import pip_env
from zips import STORED, Entry, archive, digest, entries_of, make_wheel

TOOL = BUILD / "tools/wheel"
PYTHON = f"python3.{sys.version_info[1]}"
SITE = f"lib/{PYTHON}/site-packages"
INCLUDE = f"include/site/{PYTHON}"
FILE = "evil-1.0-py3-none-any.whl"
MEGABYTE = 1 << 20


class World:
    def __init__(self, tmp):
        self.tmp = tmp
        self.cache = tmp / "cache"
        self.venv = tmp / "venv"
        (self.venv / SITE).mkdir(parents=True)
        (self.venv / "bin").mkdir()

    def wheel(self, data, name=FILE):
        path = self.tmp / name
        path.write_bytes(data)
        return path

    def run(self, *args):
        return subprocess.run([TOOL, *args], capture_output=True, text=True, timeout=120,
                              env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"})

    def unpack(self, data, name=FILE):
        return self.run("unpack", self.cache, self.wheel(data, name))

    def unpacked(self, data, name=FILE):
        done = self.unpack(data, name)
        assert done.returncode == 0, done.stderr
        return Path(done.stdout.strip())

    def install(self, *wheels, options=()):
        """Each wheel: (bytes, file name). In one process, as in a sync."""
        args = []
        for i, (data, name) in enumerate(wheels):
            args += ["--"] if i else []
            args += [self.cache, self.unpacked(data, name).name, self.venv, SITE, INCLUDE, *options]
        return self.run("install", *args)

    def installed(self, data, name=FILE, options=()):
        done = self.install((data, name), options=options)
        assert done.returncode == 0, done.stderr

    def snapshot(self):
        return sorted(str(p.relative_to(self.tmp)) for p in self.tmp.rglob("*"))


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


# ---- hostile archives

MODULE = ("evil/__init__.py", "x = 1\n")
BIG = b"0123456789abcdef" * (3 * MEGABYTE // 16)


def with_entry(*args, **kwargs):
    return make_wheel([MODULE, Entry(*args, **kwargs)])


def without(name):
    return lambda lines: [l for l in lines if not l.startswith(name)]


def swap(old, new):
    return lambda lines: [l.replace(old, new) for l in lines]


def overlapping():
    """The second file's data is a piece of the first one's: what zip bombs without recursion are made of."""
    inner = Entry("evil/b.py", b"b" * 100, STORED)
    outer = Entry("evil/a.py", inner.local_bytes() + inner.raw, STORED)
    entries = entries_of([outer, inner])
    data = archive([e for e in entries if e is not inner])
    at = data.index(inner.local_bytes())
    end = data.rindex(b"PK\5\6")
    count, size, offset = struct.unpack("<HII", data[end + 10:end + 20])
    extra = inner.central_bytes(at)
    tail = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count + 1, count + 1, size + len(extra), offset, 0)
    return data[:end] + extra + tail


def same_offset():
    a, b = Entry("evil/a.py", b"same", STORED), Entry("evil/b.py", b"same", STORED)
    b.central = {"offset": 0}
    return make_wheel([a, b])


def zip64_extra(*numbers):
    return struct.pack(f"<HH{len(numbers)}Q", 1, 8 * len(numbers), *numbers)


HOSTILE = {
    # not an archive
    "empty": (lambda: b"", "no zip archive, or cut short"),
    "garbage": (lambda: b"PK\3\4" + b"x" * 5000, "no zip archive, or cut short"),
    "html": (lambda: b"<html>not found</html>" * 10, "no zip archive, or cut short"),
    "cut at the end": (lambda: make_wheel([MODULE])[:-1], "no zip archive, or cut short"),
    "cut in the middle": (lambda: make_wheel([MODULE])[:200], "no zip archive, or cut short"),
    "bytes behind the end": (lambda: make_wheel([MODULE]) + b"x", "no zip archive, or cut short"),
    "bytes before the start": (lambda: b"#!/bin/sh\n" + make_wheel([MODULE]), "not where it is said to be"),
    "several disks": (lambda: make_wheel([MODULE], end={"disk": 1, "first_disk": 1}), "several disks"),
    "directory elsewhere": (lambda: make_wheel([MODULE], end={"offset": 5}), "not where it is said to be"),
    "directory behind the end": (lambda: make_wheel([MODULE], end={"offset": 0xFFFFFF00}), "not where it is said to be"),
    "fewer entries than said": (lambda: make_wheel([MODULE], end={"count": 60, "here": 60}), "does not fit its 60 entries"),
    "more entries than said": (lambda: make_wheel([MODULE], end={"count": 2, "here": 2}), "more entries than the end record"),
    "damaged directory": (lambda: make_wheel([MODULE]).replace(b"PK\1\2", b"PK\1\3", 1), "directory is damaged"),
    "name longer than the directory": (lambda: with_entry("evil/a", central={"name_len": 60000}), "directory is damaged"),
    # paths
    "parent": (lambda: with_entry("../outside.py"), '"../outside.py" leads out of its folder'),
    "parent inside": (lambda: with_entry("evil/../../outside.py"), "leads out of its folder"),
    "parent folder": (lambda: with_entry("evil/../..//", mode=0o40755), "leads out of its folder"),
    "absolute": (lambda: with_entry("/tmp/outside.py"), "is absolute"),
    "NUL": (lambda: with_entry("evil/a.py\0.txt"), "NUL byte"),
    "backslash": (lambda: with_entry("..\\outside.py"), "backslash"),
    "newline": (lambda: with_entry("evil/a\nerror: b.py"), r'a\x0aerror'),
    "escape": (lambda: with_entry("evil/\x1b[2J.py"), r"\x1b[2J.py"),
    "C1 control": (lambda: with_entry("evil/\x9b2J.py"), "control character"),
    "no UTF-8": (lambda: with_entry(b"evil/\xff\xfe.py"), "not UTF-8"),
    "overlong UTF-8": (lambda: with_entry(b"evil/\xc0\xae\xc0\xae/a.py"), "not UTF-8"),
    "empty name": (lambda: with_entry(""), "is empty"),
    "empty part": (lambda: with_entry("evil//a.py"), "empty part"),
    "dot": (lambda: with_entry("evil/./a.py"), "empty part"),
    "long part": (lambda: with_entry("e" * 256), "longer than 255"),
    "long path": (lambda: with_entry("/".join(["e" * 100] * 31)), "longer than 3000"),
    "deep": (lambda: with_entry("d/" * 70 + "a.py"), "more than 64 folders deep"),
    "two names": (lambda: with_entry("evil/a.py", extra=struct.pack("<HHBI", 0x7075, 5 + 12, 1, 0) + b"../outside.p"),
                  "two different names"),
    # kinds
    "symbolic link": (lambda: with_entry("evil/link", "../../..", mode=0o120777), "symbolic link"),
    "device": (lambda: with_entry("evil/null", mode=0o20666), "device, pipe or socket"),
    "pipe": (lambda: with_entry("evil/pipe", mode=0o10644), "device, pipe or socket"),
    "folder without a slash": (lambda: with_entry("evil/folder", mode=0o40755), "folder in place of a file"),
    "folder by DOS attribute": (lambda: with_entry("evil/folder", mode=0, central={"external": 0x10}), "folder in place of a file"),
    "file with a slash": (lambda: with_entry("evil/folder/", mode=0o100644), "folder in place of a file"),
    "folder with contents": (lambda: with_entry("evil/folder/", "text", mode=0o40755), "folder with contents"),
    "twice": (lambda: make_wheel([MODULE, MODULE]), "is there twice"),
    "file as folder": (lambda: make_wheel([MODULE, ("evil/__init__.py/a.py", "")]), "also a file"),
    "folder as file": (lambda: make_wheel([("evil/a/b.py", ""), ("evil/a", "")]), "both a file and a folder"),
    "folder entry over a file": (lambda: make_wheel([MODULE, Entry("evil/__init__.py/", mode=0o40755)]), "both a file and a folder"),
    # methods and flags
    "encrypted": (lambda: with_entry("evil/a.py", "x", central={"flags": 1}), "is encrypted"),
    "encrypted, only said locally": (lambda: with_entry("evil/a.py", "x", local={"flags": 1}), "is encrypted"),
    "strong encryption": (lambda: with_entry("evil/a.py", "x", central={"flags": 0x40}), "is encrypted"),
    "bzip2": (lambda: with_entry("evil/a.py", "x", central={"method": 12}), "compressed in a way"),
    "lzma": (lambda: with_entry("evil/a.py", "x", central={"method": 14}), "compressed in a way"),
    "another method locally": (lambda: with_entry("evil/a.py", "x", local={"method": 0}), "in its local header than"),
    # sizes
    "declares less": (lambda: with_entry("evil/a.py", "x" * 1000, central={"size": 10}, local={"size": 10}), "in RECORD"),
    "less, RECORD too": (lambda: make_wheel([Entry("evil/a.py", "x" * 1000, central={"size": 10}, local={"size": 10})],
                                            edit=swap(",1000", ",10")), "does not unpack to the size"),
    "more, RECORD too": (lambda: make_wheel([Entry("evil/a.py", "x" * 1000, central={"size": 1001}, local={"size": 1001})],
                                            edit=swap(",1000", ",1001")), "does not unpack to the size"),
    "stored, sizes differ": (lambda: with_entry("evil/a.py", "x" * 10, STORED, central={"size": 5}), "two sizes differ"),
    "sizes differ locally": (lambda: with_entry("evil/a.py", "x" * 10, local={"size": 5}), "in its local header than"),
    "packed longer than the file": (lambda: with_entry("evil/a.py", "x", central={"packed": 1 << 30}), "overlaps what follows"),
    "packed longer than its data": (lambda: with_entry("evil/a.py", "x" * 1000, raw=zlib.compress(b"x" * 1000)[2:-4] + b"\0\0"),
                                    "does not unpack to the size"),
    "wrong checksum": (lambda: with_entry("evil/a.py", "x", central={"crc": 1}, local={"crc": 1}), "checksum is wrong"),
    "damaged data": (lambda: with_entry("evil/a.py", "x" * 1000, raw=b"\xff" * 20), "does not unpack to the size"),
    "large, declares less": (lambda: make_wheel([Entry("evil/a", BIG * 5, central={"size": 12 * MEGABYTE},
                                                       local={"size": 12 * MEGABYTE})],
                                                edit=swap(f",{15 * MEGABYTE}", f",{12 * MEGABYTE}")), "does not unpack to the size"),
    "large, declares more": (lambda: make_wheel([Entry("evil/a", BIG * 5, central={"size": 18 * MEGABYTE},
                                                       local={"size": 18 * MEGABYTE})],
                                                edit=swap(f",{15 * MEGABYTE}", f",{18 * MEGABYTE}")), "does not unpack to the size"),
    "large, wrong checksum": (lambda: with_entry("evil/a", BIG * 5, central={"crc": 1}, local={"crc": 1}), "checksum is wrong"),
    "medium, damaged": (lambda: with_entry("evil/a", BIG, central={"crc": 1}, local={"crc": 1}), "checksum is wrong"),
    "bomb": (lambda: make_wheel([(f"evil/{i}", b"\0" * (16 * MEGABYTE)) for i in range(20)]), "no honest archive"),
    "bomb by declaration": (lambda: with_entry("evil/a", "x", extra=zip64_extra(1 << 62), central={"size": 0xFFFFFFFF, "extra_len": 12}),
                            "no honest archive"),
    "sizes that overflow": (lambda: make_wheel([Entry(f"evil/{i}", "x", extra=zip64_extra((1 << 64) - 1),
                                                      central={"size": 0xFFFFFFFF, "extra_len": 12}) for i in range(2)]),
                            "no honest archive"),
    "overlapping": (overlapping, "overlaps what follows"),
    "one data for two": (same_offset, "overlaps what follows"),
    "offset behind the end": (lambda: with_entry("evil/a", "x", central={"offset": 0xFFFFFFF0}), "overlaps what follows"),
    "no local header": (lambda: with_entry("evil/a", "x").replace(b"PK\3\4", b"PK\3\5"), "no local header"),
    "another name locally": (lambda: with_entry("evil/a.py", "x", local_name=b"evil/b.py"), "another name in its local header"),
    "local extra too long": (lambda: with_entry("evil/a.py", "x", local={"extra_len": 60000}), "overlaps what follows"),
    # zip64
    "zip64 extra missing": (lambda: with_entry("evil/a.py", "x", central={"size": 0xFFFFFFFF}), "damaged extra field"),
    "zip64 extra short": (lambda: with_entry("evil/a.py", "x", extra=struct.pack("<HHI", 1, 4, 1),
                                             central={"size": 0xFFFFFFFF, "extra_len": 8}), "damaged extra field"),
    "zip64 extra twice": (lambda: with_entry("evil/a.py", "x", extra=zip64_extra(1) * 2, central={"size": 0xFFFFFFFF}),
                          "damaged extra field"),
    "extra overruns": (lambda: with_entry("evil/a.py", "x", extra=struct.pack("<HH", 9, 500)), "damaged extra field"),
    "zip64 end elsewhere": (lambda: make_wheel([MODULE], zip64={"where": 3}), "zip64 end record is not where"),
    "zip64 end behind the end": (lambda: make_wheel([MODULE], zip64={"where": (1 << 64) - 1}), "zip64 end record is not where"),
    "zip64 end disagrees": (lambda: make_wheel([MODULE], zip64={}, end={"count": 1, "here": 1}), "disagree"),
    "zip64 directory elsewhere": (lambda: make_wheel([MODULE], zip64={"offset": 1 << 63}), "not where it is said to be"),
    "zip64 endless count": (lambda: make_wheel([MODULE], zip64={"count": 1 << 60, "here": 1 << 60}), "does not fit its"),
    # what a wheel is
    "no dist-info": (lambda: archive([Entry(*MODULE)]), "no .dist-info folder"),
    "two dist-infos": (lambda: make_wheel([MODULE, ("other-2.0.dist-info/METADATA", "Name: other\n")]), "not of the distribution"),
    "two of one": (lambda: make_wheel([MODULE, ("Evil-1.0.dist-info/METADATA", "")]), "one folder of its kind too many"),
    "another distribution": (lambda: make_wheel([MODULE], name="other"), "not of the distribution and version"),
    "another version": (lambda: make_wheel([MODULE], version="1.1"), "not of the distribution and version"),
    "another's data": (lambda: make_wheel([MODULE, ("other-1.0.data/scripts/x", "")]), "not of the distribution and version"),
    "METADATA missing": (lambda: make_wheel([MODULE], metadata=False), "METADATA is missing"),
    "METADATA of another": (lambda: make_wheel([MODULE], metadata="Name: other\nVersion: 1.0\n"), "Name in METADATA"),
    "METADATA of another version": (lambda: make_wheel([MODULE], metadata="Name: evil\nVersion: 2.0\n"), "Version in METADATA"),
    "METADATA without a name": (lambda: make_wheel([MODULE], metadata="Version: 1.0\n"), "no Name or no Version"),
    "WHEEL missing": (lambda: make_wheel([MODULE], wheel=False), "WHEEL is missing"),
    "WHEEL of the future": (lambda: make_wheel([MODULE], wheel="Wheel-Version: 2.0\nRoot-Is-Purelib: true\n"), "2.0"),
    # RECORD
    "RECORD missing": (lambda: make_wheel([MODULE], edit=lambda lines: None), "RECORD is missing"),
    "file not in RECORD": (lambda: make_wheel([MODULE], more=[Entry("evil/more.py", "")]), "but not in RECORD"),
    "METADATA not in RECORD": (lambda: make_wheel([MODULE], edit=without("evil-1.0.dist-info/METADATA")), "but not in RECORD"),
    "file not in the archive": (lambda: make_wheel([MODULE], edit=lambda l: l + ["evil/gone.py,sha256=abc,1"]), "not in the archive"),
    "wrong digest": (lambda: make_wheel([MODULE], edit=swap(digest(b"x = 1\n"), digest(b"x = 2\n"))), "other contents than RECORD"),
    "wrong size": (lambda: make_wheel([MODULE], edit=swap(",6", ",7")), "another size"),
    "no digest": (lambda: make_wheel([MODULE], edit=swap("sha256=" + digest(b"x = 1\n"), "")), "no digest in RECORD"),
    "md5 only": (lambda: make_wheel([MODULE], algorithm="md5"), "none of sha256"),
    "sha1 only": (lambda: make_wheel([MODULE], algorithm="sha1"), "none of sha256"),
    "two digests for one": (lambda: make_wheel([MODULE], edit=lambda l: l + [f"evil/__init__.py,sha256={digest(b'y')},6"]), "twice"),
    "wrong sha512": (lambda: make_wheel([MODULE], algorithm="sha512", edit=swap(digest(b"x = 1\n", "sha512"), digest(b"y", "sha512"))),
                     "other contents than RECORD"),
    "RECORD that lists a parent": (lambda: make_wheel([MODULE], edit=lambda l: l + ["../../outside,sha256=abc,1"]), "not in the archive"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_archive(world, case):
    make, fragment = HOSTILE[case]
    data = make()
    assert len(data) < 8 * MEGABYTE
    world.wheel(data)
    before = world.snapshot()
    done = world.unpack(data)
    assert done.returncode == 3, done.stdout  # ERR_INPUT: neither a crash nor a fault of the system
    assert fragment in done.stderr
    assert done.stderr.startswith(f"wheel: error: {FILE}: ")
    assert len(done.stderr.splitlines()) == 1
    assert [p for p in world.snapshot() if p not in before] == ["cache", "cache/unpacked"]


FILE_NAMES = {
    "other-1.0-py3-none-any.whl": "not of the distribution and version",
    "evil-2.0-py3-none-any.whl": "not of the distribution and version",
    "evil-1.0.whl": "evil-1.0.whl",
    "evil.zip": "evil.zip",
}


@pytest.mark.parametrize("name", FILE_NAMES)
def test_another_file_name(world, name):
    data = make_wheel([MODULE])
    done = world.unpack(data, name)
    assert done.returncode == 3 and FILE_NAMES[name] in done.stderr
    # What is in the cache under its right name is not to be had under another either.
    world.unpacked(data)
    done = world.unpack(data, name)
    assert done.returncode == 3 and name in done.stderr


# ---- archives that are odd, but right

ODD = {
    "comment": lambda: make_wheel([MODULE], comment=b"made by hand"),
    "end record in the comment": lambda: make_wheel([MODULE], comment=b"PK\5\6" + b"\0" * 30),
    "zip64 end": lambda: make_wheel([MODULE], zip64={}),
    "zip64 sizes": lambda: make_wheel([Entry(*MODULE, extra=zip64_extra(6), central={"size": 0xFFFFFFFF},
                                             local_extra=zip64_extra(6, 8), local={"size": 0xFFFFFFFF, "packed": 0xFFFFFFFF})]),
    "sizes behind the data": lambda: make_wheel([Entry(*MODULE, central={"flags": 0x808},
                                                       local={"flags": 0x808, "crc": 0, "size": 0, "packed": 0}), ("evil/b.py", "b")]),
    "gaps": lambda: make_wheel([MODULE, Entry("evil/b.py", "b", before=b"\0" * 5000)]),
    "long local extra": lambda: make_wheel([MODULE, Entry("evil/b.py", "b", local_extra=struct.pack("<HH", 99, 60000) + b"\0" * 60000)]),
    "padding in extra": lambda: make_wheel([Entry(*MODULE, extra=b"\0\0\0")]),
    "folder entries": lambda: make_wheel([Entry("evil/", mode=0o40755), Entry("evil/", mode=0o40755), MODULE]),
    "sha512": lambda: make_wheel([MODULE], algorithm="sha512"),
    "sha384": lambda: make_wheel([MODULE], algorithm="sha384"),
    "RECORD line twice": lambda: make_wheel([MODULE], edit=lambda lines: lines[:1] + lines),
    "signed": lambda: make_wheel([MODULE], more=[Entry("evil-1.0.dist-info/RECORD.jws", "{}")]),
    "odd names": lambda: make_wheel([MODULE, ('evil/a, "b" c.txt', "c"), ("evil/Ünï.txt", "u"), ("evil/ .txt", "")]),
    "spelt otherwise": lambda: make_wheel([MODULE], info="Evil-1.0.0.dist-info", metadata="Name: EVIL\nVersion: 1\n"),
    "newer minor": lambda: make_wheel([MODULE], wheel="Wheel-Version: 1.9\nRoot-Is-Purelib: false\n"),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_archive(world, case):
    entry = world.unpacked(ODD[case]())
    assert (entry / "tree/evil/__init__.py").read_text() == "x = 1\n"
    listed = {l.split(" ", 5)[5] for l in (entry / "list").read_text().splitlines()[6:-1]}
    assert listed == {str(p.relative_to(entry / "tree")) for p in (entry / "tree").rglob("*") if p.is_file()}


def test_modes_and_times(world):
    files = {"suid": 0o104755, "sticky": 0o101777, "plain": 0o100600, "run": 0o100710, "none": 0}
    os.umask(0o077)
    try:
        entry = world.unpacked(make_wheel([MODULE] + [Entry(f"evil/{n}", n, mode=m) for n, m in files.items()] +
                                          [("evil-1.0.data/scripts/tool", "#!/bin/sh\n")]))
    finally:
        os.umask(0o022)
    modes = {n: (entry / "tree/evil" / n).stat().st_mode & 0o7777 for n in files}
    assert modes == {"suid": 0o755, "sticky": 0o755, "plain": 0o644, "run": 0o755, "none": 0o644}
    assert (entry / "tree/evil-1.0.data/scripts/tool").stat().st_mode & 0o7777 == 0o755
    made = entry.stat().st_mtime
    assert all(abs(p.stat().st_mtime - made) < 60 for p in (entry / "tree").rglob("*") if p.is_file())


def test_large_members_and_memory(world):
    """Small, held in memory, and streamed, stored and deflated; memory stays bounded."""
    noise = hashlib.shake_256(b"seed").digest(14 * MEGABYTE)
    payload = [Entry("evil/medium", noise[:3 * MEGABYTE]), Entry("evil/medium.stored", noise[:3 * MEGABYTE], STORED),
               Entry("evil/large", noise), Entry("evil/large.stored", noise, STORED), Entry("evil/text", BIG * 6),
               Entry("evil/empty"), Entry("evil/empty.stored", b"", STORED)]
    path = world.wheel(make_wheel([MODULE] + payload))
    done = world.run("peak", "unpack", world.cache, path)
    assert done.returncode == 0, done.stderr
    entry, peak = done.stdout.splitlines()
    for e in payload:
        assert (Path(entry) / "tree" / e.name.decode()).read_bytes() == e.data
    assert SANITIZED or int(peak) < 24 * 1024


def test_many_files(world):
    payload = [(f"evil/{i % 50}/{i}.py", f"x = {i}\n" * 200) for i in range(1000)]
    tree = world.unpacked(make_wheel(payload)) / "tree"
    for name, text in payload[::97]:
        assert (tree / name).read_text() == text
    # Of several at fault the first is named, whichever thread found one.
    broken = [Entry(n, t, central={"crc": 1}, local={"crc": 1}) if i in (500, 700, 900) else Entry(n, t)
              for i, (n, t) in enumerate(payload)]
    assert '"evil/0/500.py" is damaged' in world.unpack(make_wheel(broken)).stderr


def test_folders_without_end(world):
    """Few bytes that name very many folders: refused before memory is."""
    paths = ["/".join([f"{i:05}"] + ["d" * 40] * 62) + "/x" for i in range(400)]
    done = world.unpack(make_wheel([(p, "") for p in paths]))
    assert done.returncode == 3 and "too many folders" in done.stderr


# ---- the cache

def test_entry_is_used_again(world):
    data = make_wheel([MODULE])
    entry = world.unpacked(data)
    inode = (entry / "list").stat().st_ino
    assert world.unpacked(data) == entry and (entry / "list").stat().st_ino == inode
    assert entry.name == hashlib.sha256(data).hexdigest()


DAMAGE = {
    "size": lambda e: (e / "tree/evil/__init__.py").write_text("longer than it was\n"),
    "time": lambda e: os.utime(e / "tree/evil/__init__.py", ns=(0, 0)),
    "mode": lambda e: (e / "tree/evil/__init__.py").chmod(0o600),
    "file": lambda e: (e / "tree/evil/__init__.py").unlink(),
    "link": lambda e: ((e / "tree/evil/__init__.py").unlink(), (e / "tree/evil/__init__.py").symlink_to("/etc/passwd")),
    "tree": lambda e: shutil.rmtree(e / "tree"),
    "list": lambda e: (e / "list").unlink(),
    "empty list": lambda e: (e / "list").write_text(""),
    "cut list": lambda e: (e / "list").write_text((e / "list").read_text()[:-30]),
    "changed list": lambda e: (e / "list").write_text((e / "list").read_text().replace("evil/__init__", "../../../evil")),
    "no folder": lambda e: (shutil.rmtree(e), e.write_text("a file")),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_entry_is_made_again(world, how):
    data = make_wheel([MODULE])
    entry = world.unpacked(data)
    DAMAGE[how](entry)
    assert world.unpacked(data) == entry
    assert (entry / "tree/evil/__init__.py").read_text() == "x = 1\n"
    assert os.listdir(entry.parent) == [entry.name]


def test_leftovers_are_swept(world):
    data = make_wheel([MODULE])
    entry = world.unpacked(data)
    leftover = entry.parent / f".{'0' * 64}.12345678.new"
    held = entry.parent / f".{'1' * 64}.12345678.new"
    for folder in (leftover, held):
        (folder / "tree").mkdir(parents=True)
        (folder / "tree/half.py").write_text("x")
    fd = os.open(held, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)  # as its maker has it, who is alive
    assert world.run("sweep", world.cache).returncode == 0
    assert sorted(os.listdir(entry.parent)) == sorted([entry.name, held.name])
    os.close(fd)
    world.run("sweep", world.cache)
    assert os.listdir(entry.parent) == [entry.name]


def test_many_makers_at_once(world):
    path = world.wheel(make_wheel([MODULE] + [(f"evil/{i}.py", "x" * 3000) for i in range(300)]))
    makers = [subprocess.Popen([TOOL, "unpack", world.cache, path], stdout=subprocess.PIPE, text=True) for _ in range(8)]
    out = {m.communicate(timeout=120)[0] for m in makers}
    assert [m.returncode for m in makers] == [0] * 8 and len(out) == 1
    assert len(os.listdir(world.cache / "unpacked")) == 1


def test_cache_that_cannot_be_made(world):
    world.cache.write_text("a file")
    done = world.unpack(make_wheel([MODULE]))
    assert done.returncode == 1 and f"cannot create folder {world.cache}" in done.stderr


# ---- hostile installations

def points(text, **kwargs):
    return make_wheel([MODULE], entry_points=text, **kwargs)


def data(path, text="x"):
    return make_wheel([MODULE, (f"evil-1.0.data/{path}", text)])


REFUSED = {
    "unknown scheme": (lambda: data("secrets/x"), "a scheme that nobody knows"),
    "no scheme": (lambda: data("x"), "no scheme"),
    "pyvenv.cfg": (lambda: data("data/pyvenv.cfg"), "pyvenv.cfg, which is the venv's own"),
    "python by data": (lambda: data("data/bin/python"), "the venv's own"),
    "python by scripts": (lambda: data("scripts/python3"), "the venv's own"),
    "pip": (lambda: data("scripts/pip3.11"), "the venv's own"),
    "activate": (lambda: data("scripts/activate"), "the venv's own"),
    "pth": (lambda: make_wheel([MODULE, ("localstack-venv.pth", "/tmp\n")]), "the venv's own"),
    "pth by purelib": (lambda: data("purelib/localstack-venv.pth"), "the venv's own"),
    "lib64": (lambda: data("data/lib64/python3.11/x.py"), "the venv's own"),
    "python as entry point": (lambda: points("[console_scripts]\npython = evil:x\n"), "the venv's own"),
    "entry point path": (lambda: points("[console_scripts]\n../../x = evil:x\n"), "leads out of its folder"),
    "entry point folder": (lambda: points("[console_scripts]\na/b = evil:x\n"), "is a path"),
    "entry point absolute": (lambda: points("[gui_scripts]\n/etc/x = evil:x\n"), "is absolute"),
    "entry point control": (lambda: points("[console_scripts]\na\x1bb = evil:x\n"), r"\x1b"),
    "entry point without function": (lambda: points("[console_scripts]\na = evil\n"), "MODULE:FUNCTION"),
    "entry point with code": (lambda: points("[console_scripts]\na = evil:x;import os\n"), "MODULE:ATTRIBUTE"),
    "entry point with odd dots": (lambda: points("[console_scripts]\na = .evil:x\n"), "MODULE:FUNCTION"),
    "entry points broken": (lambda: points("a = b\n"), "entry_points.txt"),
    "another dist-info": (lambda: data("purelib/other-1.0.dist-info/METADATA"), "not its own"),
    "another dist-info by data": (lambda: data(f"data/{SITE}/other-1.0.DIST-INFO/METADATA"), "not its own"),
    "INSTALLER by purelib": (lambda: data("platlib/evil-1.0.dist-info/INSTALLER", "pip"), "not its own"),
    "RECORD by purelib": (lambda: data("purelib/evil-1.0.dist-info/RECORD"), "not its own"),
    "two for one": (lambda: data("purelib/evil/__init__.py"), "two of its files would become"),
    "file as folder": (lambda: data("purelib/evil/__init__.py/x"), "is there already"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_installation(world, case):
    make, fragment = REFUSED[case]
    done = world.install((make(), FILE))
    assert done.returncode == 3, done.stdout
    assert fragment in done.stderr
    assert {p.name for p in world.tmp.iterdir()} == {"cache", "venv", FILE}
    assert {p.name for p in world.venv.iterdir()} <= {"bin", "lib"}


def test_other_owners(world):
    other = make_wheel([("other.py", "")], name="other")
    same = make_wheel([("other.py", "")])
    done = world.install((other, "other-1.0-py3-none-any.whl"), (same, FILE))
    assert done.returncode == 3 and "other.py, which belongs to other" in done.stderr


def test_folder_that_is_anothers_file(world):
    done = world.install((make_wheel([("evil", "")], name="other"), "other-1.0-py3-none-any.whl"), (make_wheel([MODULE]), FILE))
    assert done.returncode == 3 and "would have to be a folder" in done.stderr


def test_what_is_nobodys_is_not_overwritten(world):
    (world.venv / SITE / "evil").mkdir()
    (world.venv / SITE / "evil/__init__.py").write_text("mine")
    done = world.install((make_wheel([MODULE]), FILE))
    assert done.returncode == 3 and "is no distribution's file" in done.stderr
    assert (world.venv / SITE / "evil/__init__.py").read_text() == "mine"


def test_folder_that_is_a_link(world):
    outside = world.tmp / "outside"
    outside.mkdir()
    (world.venv / SITE / "evil").symlink_to(outside)
    done = world.install((make_wheel([MODULE]), FILE))
    assert done.returncode == 3 and "a file or a link" in done.stderr
    assert not list(outside.iterdir())


# ---- installations

def records(world, info="evil-1.0.dist-info"):
    with open(world.venv / SITE / info / "RECORD", newline="") as f:
        return {path: (hash_, size) for path, hash_, size in csv.reader(f)}


def check_record(world, info="evil-1.0.dist-info"):
    """Every line is true, and every file of the venv is in it."""
    lines = records(world, info)
    for path, (hash_, size) in lines.items():
        if path == f"{info}/RECORD":
            assert (hash_, size) == ("", "")
            continue
        content = (world.venv / SITE / path).read_bytes()
        assert hash_ == "sha256=" + digest(content) and size == str(len(content)), path
    found = {os.path.relpath(p, world.venv / SITE) for p in world.venv.rglob("*") if p.is_file() or p.is_symlink()}
    assert set(lines) == found


def test_schemes_scripts_and_info(world):
    payload = [
        MODULE,
        ("evil-1.0.data/purelib/pure.py", "p"),
        ("evil-1.0.data/platlib/deep/er/plat.py", "q"),
        ("evil-1.0.data/headers/evil.h", "h"),
        ("evil-1.0.data/data/share/man/evil.1", "m"),
        ("evil-1.0.data/scripts/python-tool", "#!python -u\nprint('tool')\n"),
        ("evil-1.0.data/scripts/pythonw-tool", "#!pythonw\nprint('w')\n"),
        ("evil-1.0.data/scripts/shell-tool", "#!/bin/sh\necho shell\n"),
        ("evil-1.0.data/scripts/old", "#!python\nold form of the entry point\n"),
        ("evil-1.0.data/scripts/old-script.py", "#!python\nthe same\n"),
        ("evil-1.0.dist-info/INSTALLER", "somebody\n"),
        ("evil-1.0.dist-info/REQUESTED", ""),
        ("evil-1.0.dist-info/direct_url.json", "{}"),
    ]
    entry_points = "[console_scripts]\nold = evil:main\nevil.run = evil.sub:Class.method [extra]\n[gui_scripts]\nwin = evil:gui\n[other]\n../x = y\n"
    world.installed(make_wheel(payload, entry_points=entry_points), options=["--final", "/opt/final"])
    site, bin = world.venv / SITE, world.venv / "bin"
    check_record(world)
    assert (site / "pure.py").read_text() == "p" and (site / "deep/er/plat.py").read_text() == "q"
    assert (world.venv / INCLUDE / "evil/evil.h").read_text() == "h"
    assert (world.venv / "share/man/evil.1").read_text() == "m"
    assert (bin / "python-tool").read_text() == "#!/opt/final/bin/python\nprint('tool')\n"
    assert (bin / "pythonw-tool").read_text() == "#!/opt/final/bin/python\nprint('w')\n"
    assert (bin / "shell-tool").read_text() == "#!/bin/sh\necho shell\n"
    assert sorted(p.name for p in bin.iterdir()) == sorted(
        ["python-tool", "pythonw-tool", "shell-tool", "old", "evil.run", "win"])
    assert all(p.stat().st_mode & 0o7777 == 0o755 for p in bin.iterdir())
    assert "from evil import main\n" in (bin / "old").read_text()
    run = (bin / "evil.run").read_text()
    assert run.startswith("#!/opt/final/bin/python\n") and "from evil.sub import Class\n" in run and "sys.exit(Class.method())" in run
    info = site / "evil-1.0.dist-info"
    assert (info / "INSTALLER").read_text() == "localstack-extensions\n"
    assert not (info / "REQUESTED").exists() and not (info / "direct_url.json").exists()
    assert "../../../bin/old" in records(world)


def test_requested_and_direct_url(world):
    url = json.dumps({"url": "file:///x", "archive_info": {}})
    world.installed(make_wheel([MODULE]), options=["--requested", "--direct-url", url])
    info = world.venv / SITE / "evil-1.0.dist-info"
    assert (info / "REQUESTED").read_bytes() == b"" and (info / "direct_url.json").read_text() == url
    check_record(world)


@pytest.mark.parametrize("final", ["/opt/with blank", "/opt/" + "long" * 40])
def test_shebang_that_the_kernel_does_not_take(world, final):
    """A script whose #! is pip's /bin/sh form runs, as Python, with its arguments."""
    place = world.tmp / "final" / final.strip("/")
    (place / "bin").mkdir(parents=True)
    (place / "bin/python").symlink_to(sys.executable)
    world.installed(make_wheel([("evil/__init__.py", "import sys\ndef main():\n    print(sys.argv[1:])\n    return 7\n")],
                               entry_points="[console_scripts]\nevil-run = evil:main\n"), options=["--final", str(place)])
    script = world.venv / "bin/evil-run"
    assert script.read_text().startswith("#!/bin/sh\n'''exec' \"")
    done = subprocess.run([script, "a b", "c"], capture_output=True, text=True,
                          env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(world.venv / SITE), "PYTHONDONTWRITEBYTECODE": "1"})
    assert (done.stdout, done.returncode) == ("['a b', 'c']\n", 7), done.stderr


@pytest.mark.parametrize("options", [[], ["--copy"]])
def test_links_and_copies(world, options):
    wheel = make_wheel([MODULE, Entry("evil/run", "r", mode=0o100755)])
    world.installed(wheel, options=options)
    for name in ("evil/__init__.py", "evil/run"):
        kept = (world.unpacked(wheel) / "tree" / name).stat()
        placed = (world.venv / SITE / name).stat()
        assert (kept.st_mtime_ns, kept.st_mode, kept.st_size) == (placed.st_mtime_ns, placed.st_mode, placed.st_size)
        assert (kept.st_ino == placed.st_ino) == (not options)


# ---- real wheels, against pip

def command(*args, **kwargs):
    done = subprocess.run(args, capture_output=True, text=True, env=pip_env() | {"PYTHONDONTWRITEBYTECODE": "1"}, timeout=300, **kwargs)
    assert done.returncode == 0, f"{args}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Two fresh venvs and the wheels, by pip."""
    tmp = tmp_path_factory.mktemp("real")
    for name in ("ours", "pips"):
        command(sys.executable, "-m", "venv", tmp / name)
    command(tmp / "pips/bin/pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", tmp / "wheels", "flask", "click",
            "markupsafe", "pyyaml", "itsdangerous", "jinja2", "werkzeug", "blinker")
    return tmp


def tree_of(venv):
    """Path -> contents and mode of what is not byte code."""
    return {str(p.relative_to(venv)): (p.read_bytes(), p.stat().st_mode & 0o7777)
            for p in venv.rglob("*") if p.is_file() and not p.is_symlink() and "__pycache__" not in p.parts}


def test_real_wheels_against_pip(real):
    before = tree_of(real / "ours")
    wheels = sorted((real / "wheels").iterdir())
    args = []
    for wheel in wheels:
        key = Path(command(TOOL, "unpack", real / "cache", wheel).strip()).name
        args += (["--"] if args else []) + [real / "cache", key, real / "ours", SITE, INCLUDE, "--requested"]
    command(TOOL, "install", *args)
    command(real / "pips/bin/pip", "install", "-q", "--no-compile", "--no-deps", "--no-index", *wheels)
    ours, pips = tree_of(real / "ours"), tree_of(real / "pips")
    strip = lambda paths: {p for p in paths if not p.endswith("/direct_url.json")}  # pip's, for files by path
    assert strip(ours) == strip(pips)
    for path in strip(ours) - set(before):
        if path.startswith("bin/"):
            assert ours[path][1] == pips[path][1] == 0o755 and ours[path][0].splitlines()[0].endswith(b"/ours/bin/python")
        elif path.endswith("/INSTALLER"):
            assert ours[path][0] == b"localstack-extensions\n"
        elif path.endswith("/RECORD"):
            a, b = ({l[0] for l in csv.reader(t[path][0].decode().splitlines())} for t in (ours, pips))
            assert strip(a) == strip(b)
        else:
            assert ours[path] == pips[path], path

    pip, python = real / "ours/bin/pip", real / "ours/bin/python"
    assert "No broken requirements" in command(pip, "check")
    assert "../../../bin/flask" in command(pip, "show", "-f", "flask")
    assert "Werkzeug" in command(real / "ours/bin/flask", "--version")
    command(python, "-c", "import flask, yaml, markupsafe._speedups")
    seen = json.loads(command(python, "-c", """
import importlib.metadata as m, json
print(json.dumps({d.metadata["Name"].lower(): [str(f) for f in d.files if not f.locate().exists()] +
    [f for f in d.files if f.hash and f.read_binary() is None] for d in m.distributions()}))"""))
    assert {"flask", "click", "pyyaml", "markupsafe"} <= set(seen) and not any(seen.values())
    command(pip, "uninstall", "-q", "-y", *(w.name.split("-")[0] for w in wheels))
    assert tree_of(real / "ours") == before
