# SPDX-License-Identifier: Apache-2.0
"""Volumes that lack something: a first sync, an update and a removal work all the same, and the next boot has nothing to do; or one
sentence says what is wrong with the volume, and the venv stays as it was."""

import os
import re
import shutil
import subprocess

import pytest

from checks import check_records, demo_set, leftovers

needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="no strace")
RUN_ON = {"PATH": "/usr/bin:/bin"}  # of what the venv has


def inject(*faults, path=None):
    """A prefix that gives system calls other results, as strace has it: CALL:error=ERRNO, CALL:retval=0."""
    options = [f"--inject={fault}" for fault in faults]
    calls = ",".join(fault.split(":")[0] for fault in faults)
    return ["strace", "-f", "-qq", "-o", os.devnull, f"--trace={calls}", *(["-P", path] if path else []), *options]


def settled(root, wanted, wrap=()):
    """A boot that has nothing to do: one that starts the reconciler says why."""
    done = root.boot("/bin/echo", "booted", env={"EXTENSION_AUTO_INSTALL": wanted}, wrap=wrap)
    assert (done.status, done.out, done.err) == (0, "booted\n", ""), done


class Life:
    """A first sync, an update and a removal, each at a boot; what is said of the volume comes back."""

    def __init__(self, root, index, wrap=(), program=True):
        self.root, self.index, self.wrap, self.program = root, index, wrap, program
        demo_set(index)

    def boot(self, wanted, installed):
        done = self.root.boot("/bin/echo", "booted", env={"EXTENSION_AUTO_INSTALL": wanted}, wrap=self.wrap)
        assert (done.status, done.out) == (0, "booted\n") and "error: " not in done.err, done
        self.check(installed, done)
        settled(self.root, wanted, self.wrap)
        return done.err

    def check(self, installed, done):
        assert self.root.installed() == installed, done
        check_records(self.root)
        assert leftovers(self.root) == []
        assert (self.root.venv / "bin/typed-cli").exists() == ("typed" in installed)
        if self.program and "typed" in installed:
            assert subprocess.run([self.root.venv / "bin/typed-cli"], env=RUN_ON, capture_output=True, text=True).stdout == "typed\n"
        assert self.root.localstack_sees("import viewer; print(viewer.__file__.endswith('viewer/__init__.py'))") == "True"

    def live(self):
        first = self.boot("typed,viewer", {"viewer": "1.0", "typed": "0.3", "lib-one": "2.5"})
        self.index.add("lib-one", "2.6", files={"lib_one/__init__.py": "version = '2.6'\n", "lib_one/more.py": ""})
        update = self.boot("typed,viewer,lib-one>=2.6", {"viewer": "1.0", "typed": "0.3", "lib-one": "2.6"})
        assert self.root.localstack_sees("import lib_one; print(lib_one.version)") == "2.6"
        removal = self.boot("viewer", {"viewer": "1.0"})
        assert "made anew" not in first + update + removal
        self.boot("typed,viewer", {"viewer": "1.0", "typed": "0.3", "lib-one": "2.6"})
        looked = self.root.run("check", wrap=self.wrap)
        assert looked.status == 0, looked
        return [re.findall("warning: (.*)", said) for said in (first, update, removal)]


# ---- calls that the volume refuses

@needs_strace
@pytest.mark.parametrize("fault", [
    "linkat:error=EXDEV", "linkat:error=EPERM", "linkat:error=EACCES", "linkat:error=ENOSYS", "linkat:error=EOPNOTSUPP",
    "linkat:error=EMLINK", "linkat:error=EMLINK:when=5+3"])
def test_without_hard_links(root, index, fault):
    assert Life(root, index, inject(fault)).live() == [[], [], []]
    if "when" not in fault:
        assert {p.lstat().st_nlink for p in root.site.rglob("*") if p.is_file()} == {1}


@needs_strace
@pytest.mark.parametrize("error", ["EINVAL", "ENOSYS", "EPERM"])
def test_where_folders_cannot_be_exchanged(root, index, error):
    assert Life(root, index, inject(f"renameat2:error={error}")).live() == [[], [], []]


@needs_strace
@pytest.mark.parametrize("error", ["EPERM", "EOPNOTSUPP", "ENOSYS", "EACCES", "EROFS", "EPROTO"])
def test_without_symbolic_links(root, index, error):
    """CIFS and exFAT; shared folders of VirtualBox say EROFS or EPROTO."""
    assert Life(root, index, inject(f"symlinkat:error={error}", f"symlink:error={error}")).live() == [[], [], []]
    assert not [p for p in root.venv.rglob("*") if p.is_symlink()]
    assert root.pip("--version").stdout.startswith("pip ")


@needs_strace
@pytest.mark.parametrize("error", ["ENOLCK", "EINVAL", "EOPNOTSUPP", "ENOSYS"])
def test_without_locks(root, index, error):
    root.extensions.mkdir(parents=True)
    lock = inject(f"fcntl:error={error}", path=root.extensions / ".localstack-extensions.lock")
    for said in Life(root, index, lock).live():
        assert len(said) == 1 and "this volume has no file locks" in said[0], said


@needs_strace
@pytest.mark.parametrize("error", ["ENOLCK", "EOPNOTSUPP", "EBADF"])
def test_without_locks_of_whole_files(root, index, error):
    """By which files that are being written are told from those of killed writers. EBADF: NFS, for what is open for reading alone."""
    assert Life(root, index, inject(f"flock:error={error}")).live() == [[], [], []]
    assert sorted(p.name for p in (root.volume / "cache/extensions").rglob("*.new")) == []


@needs_strace
@pytest.mark.parametrize("error", ["EPERM", "EOPNOTSUPP", "ENOSYS"])
def test_where_modes_and_times_cannot_be_set(root, index, error):
    refused = inject(f"fchmod:error={error}", f"fchmodat:error={error}", f"utimensat:error={error}", "linkat:error=EPERM")
    assert Life(root, index, refused).live() == [[], [], []]


@needs_strace
def test_where_modes_have_no_effect(root, index):
    """Every file is one that cannot be executed, as a mount with fmask=0111 has it."""
    wrap = [*inject("fchmod:retval=0", "fchmodat:retval=0"), "sh", "-c", 'umask 0111; exec "$@"', "sh"]
    assert Life(root, index, wrap, program=False).live() == [[], [], []]
    assert not (root.venv / "bin/pip").stat().st_mode & 0o111
