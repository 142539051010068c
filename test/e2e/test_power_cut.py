# SPDX-License-Identifier: Apache-2.0
"""The power goes while a sync works: of what the disk had not yet been told to keep, any part may be there and any missing. What comes
of it is mounted, as after the cut: the venv is exactly the old one or exactly the new one, and the next sync ends right.

A neighbour on the volume brings the journal to disk before each call of the sync, so that each step of it can be the last that the
disk has seen, while what was written to files may not be there. FAULTS=all takes cuts around every call (make test-faults); else a
sample of them, the same each time."""

import collections
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from checks import contents, difference, three_distributions
from conftest import LONG, switch_base
from recording_disk import read_log

ALL = os.environ.get("FAULTS") == "all"
STEP = 40  # from one call of the sample to the next
MOST = 32  # cuts in the sample
# Where the sample has more of its cuts: what the commit does at the top of the extensions folder.
SWITCH = re.compile(r"/lib/extensions(/python_venv|/\.localstack-extensions\.(commit|state|staging(/[^/]*)?))?$")
MEMORY = 512 << 20  # what the images of a test may take
PIECE = 4096  # of what is written at once some pieces may be on disk and some not
NUMBER = re.compile(rb"^localstack-sync = \d+$", re.MULTILINE)

pytestmark = pytest.mark.once

Kind = collections.namedtuple("Kind", "name size options")
EXT4 = Kind("ext4", 64 << 20, ["noauto_da_alloc"])  # else what is renamed over another file comes to disk first
BTRFS = Kind("btrfs", 128 << 20, [])  # has no journal: what is brought to disk is one file's, or all
Cut = collections.namedtuple("Cut", "after events flushed kept done")


@pytest.fixture
def images():
    """Where images of disks lie: in memory, where there is enough of it."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > MEMORY else None
    folder = Path(tempfile.mkdtemp(dir=memory))
    yield folder
    shutil.rmtree(folder)


def copy_sparse(source, target):
    """The size is the file's; what is a hole stays one."""
    with open(source, "rb") as old, open(target, "wb") as new:
        size = os.fstat(old.fileno()).st_size
        new.truncate(size)
        at = 0
        while at < size:
            try:
                at = os.lseek(old.fileno(), at, os.SEEK_DATA)
            except OSError:  # a hole to the end
                return
            end = os.lseek(old.fileno(), at, os.SEEK_HOLE)
            new.seek(at)
            while at < end:
                at += os.sendfile(new.fileno(), old.fileno(), at, end - at)


def pieces(writes):
    for offset, data in writes:
        for at in range(0, len(data), PIECE):
            yield offset + at, data[at:at + PIECE]


def make_cut(events, at, call, done, chance):
    """Before event `at` the power goes. What was written before the last flush is there."""
    flushed = max((i for i in range(at) if events[i] is None), default=0)
    pending = [event for event in events[flushed:at] if event]
    kind = chance.choice(("prefix", "some", "torn"))
    if kind == "torn":
        pending = list(pieces(pending))
    kept = pending if kind == "prefix" else [write for write in pending if chance.random() < 0.5]
    return Cut(f"{kind} at {at} of {len(events)}, {len(kept)} of {len(pending)} writes since the last flush at {flushed}, around {call}",
               events, flushed, kept, done)


class Volume:
    """A volume on a disk, before a sync and after it."""

    def __init__(self, root, mounts, images, kind):
        self.root, self.mounts, self.images, self.kind, self.on_disk = root, mounts, images, kind, root.volume
        self.base = images / "base"
        self.mount_point = False  # whether the venv is one
        with open(self.base, "wb") as image:
            image.truncate(kind.size)
        subprocess.run([f"/sbin/mkfs.{kind.name}", "-q", self.base], check=True, capture_output=True)

    def mount(self, image, *options):
        self.on_disk.mkdir(parents=True, exist_ok=True)
        self.mounts.mount("-t", self.kind.name, "-o", ",".join(("loop", *options)), image, self.on_disk)
        if self.mount_point:
            self.mounts.mount("--bind", self.root.venv, self.root.venv)

    def umount(self):
        if self.mount_point:
            self.mounts.umount(self.root.venv)
        self.mounts.umount(self.on_disk)

    def sees(self, path):
        return self.mounts.sees(path)

    def sync(self, wanted, *wrap):
        return self.root.run("sync", env={"EXTENSION_AUTO_INSTALL": wanted}, wrap=[*self.mounts.prefix, *wrap])

    def prepare(self, wanted):
        self.mount(self.base)
        done = self.sync(wanted)
        assert done.status == 0, done
        self.umount()

    def names_beside(self):
        """All that a sync leaves but the venv: beside it, and in the cache."""
        volume, venv = self.sees(self.root.volume), self.sees(self.root.venv)
        return {path.relative_to(volume).as_posix() for path in volume.rglob("*") if venv not in (path, *path.parents)}

    def record(self, wanted, *refused, neighbour=True):
        """The sync whose disk is recorded. Its calls, and what came to disk."""
        disk, image, log = (self.images / name for name in ("disk", "recorded", "log"))
        copy_sparse(self.base, image)
        disk.touch()
        server = subprocess.Popen([*self.mounts.prefix, sys.executable, Path(__file__).parent / "recording_disk.py", disk, image, log],
                                  stdout=subprocess.PIPE, text=True)
        try:
            if server.stdout.readline() != "ready\n":
                pytest.skip("no FUSE here")
            self.mount(disk, *self.kind.options)
            self.old = contents(self.sees(self.root.venv))
            tool = [self.root.programs.folder / "tools/faults", *(word for call in refused for word in ("--refuse", call)),
                    *(["--journal", self.on_disk / "neighbour"] if neighbour else []), "list", "--"]
            done = self.sync(wanted, *tool)
            ended = log.stat().st_size
            assert done.status == 0, done
            self.new, self.beside = contents(self.sees(self.root.venv)), self.names_beside()
            assert self.old != self.new
            self.umount()
            self.mounts.umount(disk)
            server.communicate(timeout=LONG)
        finally:
            server.kill()
            server.communicate()
        self.wanted = wanted
        self.calls = ["the start", *(line.replace("\t", " ") for line in done.out.splitlines()), "the end"]
        self.events, self.ended = read_log(log), len(read_log(log, ended))
        self.numbers = self.call_numbers()

    def call_numbers(self):
        """For each event, the number of the call before which it came to disk, by what the neighbour wrote."""
        out, number = [], 0
        for event in self.events:
            for found in re.findall(rb"call (\d+)\n\0", event[1]) if event else ():
                number = max(number, int(found))
            out.append(number)
        return [n if i < self.ended else len(self.calls) - 1 for i, n in enumerate(out)]

    def cuts(self):
        chance = random.Random(os.environ.get("SEED") or "440")
        groups = collections.defaultdict(list)
        for at, number in enumerate(self.numbers):
            groups[number].append(at)
        for number, places in sorted(groups.items()):
            apart = number in (0, len(self.calls) - 1)  # before and after it; without a neighbour there is nothing between
            picked = apart or SWITCH.search(self.calls[number]) or number % STEP == 0
            for _ in range(3 if ALL else 8 if apart and len(groups) == 2 else bool(picked)):
                at = chance.choice(places) + 1
                yield make_cut(self.events, at, self.calls[number], at >= self.ended, chance)

    def write_image(self, cut):
        image = self.images / "cut"
        copy_sparse(self.base, image)
        with open(image, "r+b") as f:
            for offset, data in [*filter(None, cut.events[:cut.flushed]), *cut.kept]:
                f.seek(offset)
                f.write(data)
        return image

    def boot(self, **env):
        return self.root.boot("/bin/echo", "booted", env=env, wrap=self.mounts.prefix)

    def venv(self):
        return contents(self.sees(self.root.venv))

    def half(self):
        return self.sees(self.root.extensions / ".localstack-extensions.commit").exists()

    def check_as_it_is(self, cut):
        """What is there, and what a boot makes of it that may only roll forward. Yields what is wrong."""
        now, half = self.venv(), self.half()
        if not half and now not in (self.old, self.new):
            yield f"neither the old venv nor the new one: {difference(now, self.old)} or {difference(now, self.new)}"
        if cut.done and now != self.new:
            yield f"the sync had ended, and the venv is not the new one: {difference(now, self.new)}"
        done = self.boot(EXTENSION_SYNC="never")
        if (done.status, done.out) != (0, "booted\n") or "error: " in done.err:
            yield f"no boot: {done}"
        if self.half():
            yield "the record was not carried out"
        if half and self.venv() != self.new:
            yield f"rolled forward to something else than the new venv: {difference(self.venv(), self.new)}"

    def check_next(self):
        done = self.sync(self.wanted)
        if done.status != 0:
            yield f"the next sync failed: {done}"
        if difference(numberless(self.venv()), numberless(self.new)):
            yield f"the next sync did not make the new venv: {difference(self.venv(), self.new)}"
        done = self.boot(EXTENSION_AUTO_INSTALL=self.wanted)
        if (done.status, done.out, done.err) != (0, "booted\n", ""):
            yield f"the next boot had something to do: {done}"
        self.root.run("cache", "prune", wrap=self.mounts.prefix)
        left = self.names_beside() - self.beside - {"logs"}  # of a boot
        if left:
            yield f"left over: {sorted(left)}"

    def check_cache(self):
        """What the cut left in the cache is good, or known not to be."""
        for path in self.sees(self.root.extensions).iterdir():
            if path.is_dir() and not (self.mount_point and path.name == self.root.venv.name):
                shutil.rmtree(path)
            elif path.is_file():
                path.unlink()
        done = self.sync(self.wanted)
        if done.status != 0 or difference(installed(self.venv()), installed(self.new)):
            yield f"made anew from the cache it is something else: {difference(self.venv(), self.new)} {done}"

    def check(self, cut):
        self.mount(self.write_image(cut))
        try:
            return [f"{cut.after}: {wrong}" for wrong in (*self.check_as_it_is(cut), *self.check_next(), *self.check_cache())]
        finally:
            self.umount()

    def find_wrong(self):
        """Cuts, and what is wrong after them."""
        cuts = list(self.cuts())
        assert len(cuts) > 10, self.calls
        if not ALL and len(cuts) > MOST:
            cuts = random.Random(0).sample(cuts, MOST)
        return cuts, [text for cut in cuts for text in self.check(cut)]

    def check_all(self):
        cuts, wrong = self.find_wrong()
        assert not wrong, f"{len(cuts)} cuts, {len(wrong)} wrongs:\n" + "\n".join(wrong)


def installed(venv):
    return {name: what for name, what in (venv or {}).items() if "/site-packages/" in name}


def numberless(venv):
    """Which sync it was, is of no account: it is the next one after a cut."""
    return {name: (mode, NUMBER.sub(b"", data) if name == "pyvenv.cfg" else data) for name, (mode, data) in (venv or {}).items()}


@pytest.fixture(params=[EXT4, BTRFS] if ALL else [EXT4], ids=lambda kind: kind.name)
def kind(request):
    return request.param


@pytest.fixture
def volume(root, index, mounts, images, kind):
    three_distributions(index)
    volume = Volume(root, mounts, images, kind)
    try:
        volume.mount(volume.base)
    except subprocess.CalledProcessError as e:
        pytest.skip(f"no {kind.name} on a loop device can be mounted here: {e}")
    volume.umount()
    return volume


def newer(index):
    index.add("lib-one", "2.6", files={"lib_one.py": "version = '2.6'\n", "more.py": ""})


def test_first(volume):
    volume.record("typed,viewer")
    volume.check_all()


@pytest.mark.parametrize("kind", [EXT4, BTRFS], ids=lambda kind: kind.name, indirect=True)
def test_update(volume, index):
    volume.prepare("typed")
    newer(index)
    volume.record("typed,viewer,lib-one>=2.6")
    volume.check_all()


def test_update_where_folders_cannot_be_exchanged(volume, index):
    volume.prepare("typed")
    newer(index)
    volume.record("typed,viewer,lib-one>=2.6", "renameat2:EINVAL")
    volume.check_all()


def test_update_alone_on_its_disk(volume, index):
    """Nobody else has anything to bring to disk: what comes there comes with the sync's own calls, or once it has ended."""
    volume.prepare("typed")
    newer(index)
    volume.record("typed,viewer,lib-one>=2.6", neighbour=False)
    volume.check_all()


def test_update_in_a_mount_point(volume, index):
    volume.prepare("typed")
    newer(index)
    volume.mount_point = True
    volume.record("typed,viewer,lib-one>=2.6")
    volume.check_all()


def test_update_from_a_cache_elsewhere(volume, index, tmp_path):
    volume.root.env["EXTENSION_CACHE_DIR"] = str(tmp_path / "cache")
    volume.prepare("typed")
    newer(index)
    volume.record("typed,viewer,lib-one>=2.6")
    volume.check_all()


def test_removal(volume):
    volume.prepare("typed,viewer")
    volume.record("viewer")
    volume.check_all()


def test_rebuild_for_another_python(volume, other_base):
    volume.prepare("typed")
    switch_base(volume.root, other_base)
    volume.record("typed")
    volume.check_all()


@pytest.mark.parametrize("kind", [EXT4], ids=["ext4"], indirect=True)
@pytest.mark.parametrize("swallowed, seen", [
    (["syncfs", "fsync"], "neither the old venv nor the new one"),
    (["fsync"], "the sync had ended, and the venv is not the new one"),
])
def test_a_sync_that_does_not_wait_for_the_disk_is_found_out(volume, swallowed, seen):
    """What the tests above would see if the commit did not do what it does."""
    volume.record("typed", *(f"{call}:0" for call in swallowed), neighbour=swallowed != ["fsync"])
    assert seen in "\n".join(volume.find_wrong()[1])
