# SPDX-License-Identifier: Apache-2.0
"""What a sync, and whoever runs as its child, can write to: an interpreter of the base that means harm tries everywhere, in every way."""

import ctypes
import json
import pathlib
import sys

import pytest

from checks import tree

CREATE_RULESET, RESTRICT_SELF = 444, 446  # the same numbers on x86-64 and arm64
WITHOUT = pathlib.Path(__file__).with_name("without_syscall.py")

# Stands in for the interpreter: tries each way to write in each folder, notes how it went, and does what it was asked for.
HARMFUL = """#!{python} -I
import json, os, sys
def deed(folder, name):
    at = lambda *parts: os.path.join(folder, *parts)
    if name == "create": open(at("new"), "x").close()
    if name == "append": open(at("file"), "a").write("more")
    if name == "truncate": os.truncate(at("file"), 0)
    if name == "folder": os.mkdir(at("new-folder"))
    if name == "fifo": os.mkfifo(at("new-fifo"))
    if name == "symlink": os.symlink("/etc", at("new-symlink"))
    if name == "link": os.link(at("file"), at("new-link"))
    if name == "rename": os.rename(at("moved"), at("moved-now"))
    if name == "in": open({scratch!r} + "/gift", "w").close(); os.rename({scratch!r} + "/gift", at("gift"))
    if name == "out": os.rename(at("loot"), {scratch!r} + "/loot")
    if name == "unlink": os.unlink(at("file"))
    if name == "rmdir": os.rmdir(at("empty"))
done = {{}}
for folder in {folders!r}:
    for name in {deeds!r}:
        try:
            deed(folder, name)
            done.setdefault(folder, []).append(name)
        except OSError:
            pass
json.dump(done, open({scratch!r} + "/done", "w"))
os.execv({real!r}, [{real!r}, *sys.argv[1:]])
"""
DEEDS = ["create", "append", "truncate", "folder", "fifo", "symlink", "link", "rename", "in", "out", "unlink", "rmdir"]


def has_landlock():
    return ctypes.CDLL(None).syscall(CREATE_RULESET, None, 0, 1) >= 3


landlock = pytest.mark.skipif(not has_landlock(), reason="this kernel has no Landlock, or an old one")


class Trap:
    """Folders inside and outside of what a sync writes to, each with something to harm."""

    def __init__(self, root, tmp_path):
        self.root = root
        self.scratch = self.prepared(tmp_path / "scratch")
        self.inside = [self.prepared(root.extensions / "trap"), self.prepared(root.volume / "cache/extensions/trap"), self.scratch]
        self.outside = [self.prepared(tmp_path / "outside"), self.prepared(root.folder / "etc/trap"), self.prepared(root.volume / "trap"),
                        self.prepared(root.volume / "cache/other"), self.prepared(root.base / "trap"),
                        self.prepared(pathlib.Path(root.env["HOME"]) / "trap")]
        self.python = tmp_path / "python"
        self.python.write_text(HARMFUL.format(python=sys.executable, real=sys.executable, scratch=str(self.scratch), deeds=DEEDS,
                                              folders=[str(folder) for folder in self.inside + self.outside]))
        self.python.chmod(0o755)
        self.before = self.harmed()

    @staticmethod
    def prepared(folder):
        (folder / "empty").mkdir(parents=True)
        for name in ("file", "moved", "loot"):
            (folder / name).write_text("contents")
        return folder

    def harmed(self):
        return [tree(folder) for folder in self.outside]

    def run(self, command, *args, wrap=()):
        """What was done, by folder."""
        done = self.root.run(command, "--python", self.python, *args, env={"TMPDIR": self.scratch, "EXTENSION_AUTO_INSTALL": "good"}, wrap=wrap)
        assert done.status == 0, done
        return json.loads((self.scratch / "done").read_text()), done


@pytest.fixture
def trap(root, index, tmp_path):
    index.add("good", "1")
    return Trap(root, tmp_path)


@landlock
def test_a_child_of_a_sync_writes_where_a_sync_has_to_and_nowhere_else(trap):
    deeds, done = trap.run("sync", "-v")
    assert deeds == {str(folder): DEEDS for folder in trap.inside}
    assert trap.harmed() == trap.before
    assert trap.root.installed() == {"good": "1"} and "estrict" not in done.err, done


@landlock
def test_a_child_of_a_plan_does_not_write_to_the_volume_either(trap):
    deeds, _ = trap.run("plan")
    assert deeds == {str(folder): DEEDS for folder in trap.inside if not folder.is_relative_to(trap.root.extensions)}
    assert trap.harmed() == trap.before


@pytest.mark.parametrize("number, error, line", [
    (CREATE_RULESET, "ENOSYS", "this kernel offers no restriction of writes"),
    (CREATE_RULESET, "EOPNOTSUPP", "this kernel offers no restriction of writes"),
    (CREATE_RULESET, "EPERM", "this kernel offers no restriction of writes"),
    (RESTRICT_SELF, "EPERM", "writes are not restricted: Operation not permitted"),
])
def test_without_it_a_debug_line_is_all_that_differs(trap, number, error, line):
    """And what is done to the other folders shows that nothing else kept them."""
    deeds, done = trap.run("sync", "-v", wrap=[sys.executable, "-S", WITHOUT, number, error])
    assert trap.root.installed() == {"good": "1"}
    assert [l for l in done.err.splitlines() if line in l and "debug: " in l], done
    assert deeds == {str(folder): DEEDS for folder in trap.inside + trap.outside}
    trap.root.env["EXTENSION_UPGRADE"] = "1"
    quiet = trap.root.run("sync", env={"EXTENSION_AUTO_INSTALL": "good"}, wrap=[sys.executable, "-S", WITHOUT, number, error])
    assert quiet.status == 0 and "restrict" not in quiet.err, quiet


@pytest.mark.parametrize("wrap", [(), (sys.executable, "-S", WITHOUT, CREATE_RULESET, "ENOSYS")], ids=["with", "without"])
def test_the_first_sync_marks_the_cache(root, index, wrap):
    index.add("good", "1")
    done = root.run("sync", env={"EXTENSION_AUTO_INSTALL": "good"}, wrap=wrap)
    assert done.status == 0 and (root.volume / "cache/extensions/CACHEDIR.TAG").is_file(), done
