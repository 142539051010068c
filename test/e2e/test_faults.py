# SPDX-License-Identifier: Apache-2.0
"""A sync that is killed, or whose disk fails it, at any system call that changes the file system: the venv is exactly the old one
or exactly the new one, and the next sync ends right and leaves nothing lying about.

FAULTS=all takes every call and each error there (make test-faults); else a sample of them, the same each time."""

import collections
import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

from checks import Keep, contents, difference, three_distributions
from conftest import SANITIZED, Root, switch_base

ALL = os.environ.get("FAULTS") == "all"
STEP = 41 if SANITIZED else 23  # from one call of the sample to the next
ERRNOS = ("ENOSPC", "EIO", "EROFS", "EDQUOT", "EMFILE")
# What has its calls all in the sample: the commit, and what comes after it.
ALWAYS = r"\.localstack-extensions\.(commit|state|history)|python_venv$|probe-|staging(/venv|/spent)?$|/plux/"
# What a sync can do without, and does without a word: the cache, who holds the lock, whether folders can be exchanged, a folder
# that is there already (in a mount point the venv too), the old venv apart from what staging is (its folder is synced instead), and
# copying without reading.
QUIET = r"/cache/extensions(/|$)|\.localstack-extensions\.lock$|/probe-[12](/|$)|/lib/extensions(/python_venv)?$|staging/spent$"
QUIET_CALLS = ("ioctl", "copy_file_range")
# What a volume says that has no symbolic links (a shared folder of VirtualBox): a venv that does without is as good as one with them.
NO_FAULT = {"symlinkat": "EROFS"}

Call = collections.namedtuple("Call", "number name path")


@pytest.fixture
def volatile():
    """In memory, where there is some: this is about the order of the calls, and a disk takes its time for each."""
    folder = pathlib.Path(tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def root(volatile, small_base, programs, clean_env):
    return Root(volatile / "root", small_base, programs, clean_env)


class World:
    """A volume before a sync, and what that sync makes of it where nothing disturbs it."""

    def __init__(self, root, folder, wanted, refuse=(), mounted=None):
        self.root, self.wanted, self.mounted = root, wanted, mounted
        self.tool = [root.programs.folder / "tools/faults", *(arg for r in refuse for arg in ("--refuse", r))]
        self.plux = pathlib.Path(root.env["HOME"], ".cache/plux")
        self.plux.mkdir(parents=True, exist_ok=True)
        self.keep = Keep(root, folder / "keep")
        self.old = contents(root.venv)
        done = self.start("list")
        assert done.status == 0, done
        self.calls = [Call(int(n), name, path) for n, name, path in (line.split("\t") for line in done.out.splitlines())]
        self.new, self.beside = contents(root.venv), self.names_beside()
        assert self.old != self.new
        assert any(call.path.endswith(".localstack-extensions.commit") for call in self.calls), self.calls

    def names_beside(self):
        """All that a sync leaves but the venv: beside it, and in the cache."""
        return {path.relative_to(self.root.volume).as_posix()
                for path in self.root.volume.rglob("*") if self.root.venv not in (path, *path.parents)}

    def restore(self):
        if self.mounted:
            self.mounted.leave()
        self.keep.restore()
        if self.mounted:
            self.mounted.enter()
        (self.plux / "0123.entry_points.txt").write_text("")

    def start(self, *how):
        self.restore()
        return self.sync(*self.tool, *how, "--")

    def sync(self, *wrap):
        inside = self.mounted.prefix if self.mounted else []
        return self.root.run("sync", env={"EXTENSION_AUTO_INSTALL": self.wanted}, wrap=[*inside, *wrap])

    def half(self):
        """Whether the switch is under way: the venv may be any, the next sync has to finish it."""
        return (self.root.extensions / ".localstack-extensions.commit").exists()

    def check_stopped(self, done, may_be_half):
        """After the disturbed sync. Yields what is wrong."""
        now = contents(self.root.venv)
        if may_be_half and self.half():
            return
        if now != self.new and now != self.old:
            yield f"neither the old venv nor the new one: {difference(now, self.new)}"
        if done.status == 0 and now != self.new:
            yield "it said that all is done"
        if done.status in (1, 3) and now != self.old and not self.half():
            yield "it said that nothing changed"
        if done.status in (1, 3) and "error: " not in done.err:
            yield "it did not say what failed"

    def check_next(self):
        """After the next sync, which nobody disturbs."""
        done = self.sync()
        now = contents(self.root.venv)
        if done.status != 0:
            yield f"the next sync failed: {done}"
        if now != self.new:
            yield f"the next sync did not make the new venv: {difference(now, self.new)}"
        if list(self.plux.iterdir()):
            yield "plux was left with its old entry points"
        # The cache may have less: a sync can do without. What a disk did not let go is swept by whatever has something to do.
        self.root.run("cache", "prune")
        left = self.names_beside() - self.beside
        if left:
            yield f"left over: {sorted(left)}"

    def disturb(self, call, statuses, may_be_half, *how):
        """One disturbed sync and the next one; what is wrong, with where."""
        done = self.start(*how)
        where = f"{' '.join(map(str, how))} {done.out.strip() or call}"
        if done.status not in statuses:
            yield f"{where}: {done}"
        met = Call(*done.out.split("\t")) if done.out else call
        if how[0] == "fail" and done.status == 0 and "warning: " not in done.err and met.name not in QUIET_CALLS and (
                not re.search(QUIET, met.path.strip())):
            yield f"{where}: not a word about it"
        for wrong in (*self.check_stopped(done, may_be_half), *self.check_next()):
            yield f"{where}: {wrong}\n{done.err}"

    def points(self):
        return [c for c in self.calls if ALL or c.number % STEP == 0 or re.search(ALWAYS, c.path)]

    @staticmethod
    def errors(call, turn, every):
        """Each error that is a fault at this call, or one that is another at each turn."""
        errors = [e for e in ERRNOS if e != NO_FAULT.get(call.name)]
        plain = [e for e in errors if e != "EMFILE"]
        errors = [e if e != "EMFILE" else f"EMFILE,{plain[turn % len(plain)]}" for e in errors]
        return errors if every else [errors[turn % len(errors)]]

    def disturb_all(self, half_when_killed=False, half_when_failed=False, points=None):
        """half: the way to commit has steps between which the venv is neither of the two. points: some of the calls, each with one of
        the errors."""
        wrong = []
        for turn, call in enumerate(points or self.points()):
            wrong += self.disturb(call, (0, 128 + signal.SIGKILL), half_when_killed, "kill", call.number)
            for errnos in self.errors(call, turn, ALL and not points):
                wrong += self.disturb(call, (0, 1, 3), half_when_failed, "fail", call.number, errnos)
        assert not wrong, f"{len(self.calls)} calls, {len(wrong)} wrongs:\n" + "\n".join(wrong)


# ---- a first venv, by each way to commit

def test_first(root, index, tmp_path):
    three_distributions(index)
    World(root, tmp_path, "typed,viewer").disturb_all()


def test_onto_an_empty_folder(root, index, tmp_path):
    three_distributions(index)
    root.venv.mkdir(parents=True)
    World(root, tmp_path, "typed,viewer").disturb_all()


def test_where_folders_cannot_be_exchanged(root, index, tmp_path):
    three_distributions(index)
    root.venv.mkdir(parents=True)
    World(root, tmp_path, "typed,viewer", ["renameat2:EINVAL"]).disturb_all(half_when_killed=True)


class Mounted:
    """The venv is a mount point, in a mount namespace that a process keeps for the test."""

    def __init__(self, venv):
        self.venv = venv
        self.keeper = subprocess.Popen(["unshare", "-m", "--propagation", "private", "sh", "-c", "echo ready; exec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ready = self.keeper.stdout.readline() == "ready\n"
        self.prefix = ["nsenter", "-t", str(self.keeper.pid), "-m", "--"]
        self.there = False

    def enter(self):
        subprocess.run([*self.prefix, "mount", "--bind", self.venv, self.venv], check=True)
        self.there = True

    def leave(self):
        if self.there:
            subprocess.run([*self.prefix, "umount", self.venv], check=True)
        self.there = False

    def close(self):
        self.keeper.communicate()


@contextlib.contextmanager
def mount_point(venv):
    if os.geteuid() != 0:
        pytest.skip("not root")
    mounted = Mounted(venv)
    try:
        if not mounted.ready:
            pytest.skip("no mount namespaces")
        yield mounted
    finally:
        mounted.close()


def test_in_a_mount_point(root, index, tmp_path):
    three_distributions(index)
    root.venv.mkdir(parents=True)
    with mount_point(root.venv) as mounted:
        World(root, tmp_path, "typed,viewer", mounted=mounted).disturb_all(half_when_killed=True, half_when_failed=True)


def test_where_files_cannot_be_linked(root, index, tmp_path):
    three_distributions(index)
    World(root, tmp_path, "typed,viewer", ["linkat:EXDEV"]).disturb_all()


def test_without_a_cache(root, index, tmp_path):
    three_distributions(index)
    root.env["EXTENSION_CACHE_DIR"] = "/dev/null/cache"
    World(root, tmp_path, "typed,viewer").disturb_all()


# ---- a venv that changes

def test_update(root, index, tmp_path):
    three_distributions(index)
    root.sync(EXTENSION_AUTO_INSTALL="typed")
    index.add("lib-one", "2.6", files={"lib_one.py": "version = '2.6'\n", "more.py": ""})
    World(root, tmp_path, "typed,viewer,lib-one>=2.6").disturb_all()


def test_removal(root, index, tmp_path):
    three_distributions(index)
    root.sync(EXTENSION_AUTO_INSTALL="typed,viewer")
    World(root, tmp_path, "viewer").disturb_all()


def test_rebuild_for_another_python(root, index, tmp_path, other_base):
    three_distributions(index)
    root.sync(EXTENSION_AUTO_INSTALL="typed")
    switch_base(root, other_base)
    World(root, tmp_path, "typed").disturb_all()


# ---- real extensions

REAL = ",".join(f"localstack-extension-{name}" for name in ("mailhog", "httpbin", "stripe", "miniflare", "aws-proxy", "terraform-init"))


@pytest.mark.once
@pytest.mark.skipif(not ALL, reason="half an hour: make test-faults")
def test_real_extensions(localstack_base, real_index_env, programs, volatile, tmp_path):
    """At 200 of their thousands of calls, offline from a folder of wheels."""
    root = Root(volatile / "root", localstack_base / "opt/code/localstack/.venv", programs, real_index_env)
    shutil.copytree(localstack_base / "usr", root.folder / "usr")
    pins = [f"{i['name']}=={i['version']}" for i in root.plan(EXTENSION_AUTO_INSTALL=REAL)["install"]]
    wheels = volatile / "wheels"
    subprocess.run([root.base / "bin/python3", "-m", "pip", "wheel", "-q", "--no-input", "--no-deps", "--wheel-dir", wheels, *pins],
                   check=True, env=real_index_env, timeout=600)
    shutil.rmtree(root.volume / "cache")
    root.env.update({"PIP_FIND_LINKS": str(wheels), "PIP_NO_INDEX": "1"})
    world = World(root, tmp_path, REAL)
    assert len(world.calls) > 1000
    chance = random.Random(os.environ.get("SEED") or "440")
    world.disturb_all(points=sorted(chance.sample(world.calls, int(os.environ.get("CASES") or 200))))
