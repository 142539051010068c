# SPDX-License-Identifier: Apache-2.0
"""Killed anywhere, run twice at once, changed by others meanwhile: the next run ends right."""

import collections
import os
import re
import signal
import subprocess

import pytest

from checks import Keep, another_sync, check_records, demo_set, leftovers
from conftest import switch_base
from wheels import make_wheel

# What changes the disk. The commit's own steps are killed at each of their calls, the many of staging at some.
STEPS = ("renameat2", "renameat", "rename", "syncfs", "fsync", "fdatasync", "rmdir")
MANY = ("linkat", "symlinkat", "mkdirat", "unlinkat", "openat", "write", "ftruncate")
SAMPLES = 3


def traced(*options):
    return ["strace", "-f", "-qq", *options]


def count_calls(root, log, wanted):
    done = root.run("sync", env={"EXTENSION_AUTO_INSTALL": wanted}, wrap=traced("-o", log, "-e", "trace=" + ",".join(
        f"?{name}" for name in STEPS + MANY)))
    assert done.status == 0, done
    return collections.Counter(re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.MULTILINE))


def kill_points(calls):
    for name in STEPS:
        yield from ((name, n) for n in range(1, calls[name] + 1))
    for name in MANY:
        step = max(1, calls[name] // SAMPLES)
        yield from ((name, n) for n in range(1, calls[name] + 1, step))


@pytest.mark.parametrize("first", [True, False])
def test_killed_anywhere_the_next_boot_ends_right(root, index, tmp_path, first):
    demo_set(index)
    old = {} if first else {"typed": "0.3", "lib-one": "2.5"}
    new = {"viewer": "1.0", "typed": "0.3", "lib-one": "2.6"}
    if first:
        index.add("lib-one", "2.6")
    else:
        root.sync(EXTENSION_AUTO_INSTALL="typed")
        index.add("lib-one", "2.6")
    wanted = "viewer,typed,lib-one>=2.6"
    keep = Keep(root, tmp_path / "keep")
    points = list(kill_points(count_calls(root, tmp_path / "log", wanted)))
    assert len(points) > 20
    killed = 0
    for name, n in points:
        keep.restore()
        done = root.run("sync", env={"EXTENSION_AUTO_INSTALL": wanted}, wrap=traced(
            "-o", os.devnull, "-e", f"trace={name}", "-e", f"inject={name}:signal=SIGKILL:when={n}"))
        killed += done.status in (-signal.SIGKILL, 128 + signal.SIGKILL)
        assert root.installed() in (old, new), (name, n)
        check_records(root)
        done = root.boot("/bin/true", env={"EXTENSION_AUTO_INSTALL": wanted})
        assert done.status == 0 and root.installed() == new, (name, n, done)
        check_records(root)
        assert leftovers(root) == [], (name, n)
        assert root.pip("--version").returncode == 0
    assert killed > len(points) / 2


# The switch and what belongs to it: the record, the two venvs.
SWITCH = re.compile(r"/lib/extensions(/python_venv|/\.localstack-extensions\.(commit|staging(/(venv|old|record))?))?$")


EXCHANGED_OR_NOT = pytest.mark.parametrize("refused", [[], ["--refuse", "renameat2:EINVAL"]], ids=["exchanged", "renamed aside"])


class Disturbed:
    """Syncs from one and the same volume, each disturbed in its way."""

    def __init__(self, root, folder, wanted, options):
        self.root, self.options = root, options
        self.env = {"EXTENSION_AUTO_INSTALL": wanted}
        self.keep = Keep(root, folder)

    def sync(self, *mode):
        self.keep.restore()
        return self.root.run("sync", env=self.env, wrap=[self.root.programs.folder / "tools/faults", *self.options, *mode, "--"])

    def calls(self):
        listed = self.sync("list")
        assert listed.status == 0, listed
        return [(int(n), name, path) for n, name, path in (line.split("\t") for line in listed.out.splitlines())]

    def kill(self, call):
        done = self.sync("kill", call[0])
        assert done.status == 128 + signal.SIGKILL, (call, done)


@EXCHANGED_OR_NOT
@pytest.mark.parametrize("when", ["during the sync", "after it was killed"])
def test_killed_around_the_switch_what_pip_did_meanwhile_stays(root, index, tmp_path, refused, when):
    demo_set(index)
    index.add("hand", "1.0")
    root.sync(EXTENSION_AUTO_INSTALL="viewer")
    root.pip("install", "--no-deps", "--index-url", index.server.url, "--target", tmp_path / "hand", "hand")
    by_pip = ["cp", "-a", f"{tmp_path}/hand/.", str(root.site)]
    before = ["--before", "syncfs", " ".join(by_pip)] if when == "during the sync" else []
    disturbed = Disturbed(root, tmp_path / "keep", "viewer,typed", refused + before)
    calls = disturbed.calls()
    staged = [i for i, call in enumerate(calls) if call[1] == "syncfs"] + [len(calls)]
    points = [call for call in calls[staged[0] + 1:staged[1]] if SWITCH.search(call[2])]
    assert len(points) > 5, calls
    for point in points:
        disturbed.kill(point)
        if not before and not root.site.exists():
            continue  # between two renames: there is no bin/pip
        if not before:
            subprocess.run(by_pip, check=True)
        done = root.sync(**disturbed.env)
        assert root.installed() == {"viewer": "1.0", "typed": "0.3", "lib-one": "2.5", "hand": "1.0"}, (point, done)
        check_records(root)
        assert leftovers(root) == [], point


@EXCHANGED_OR_NOT
def test_a_record_that_a_power_cut_brings_back(root, index, tmp_path, refused):
    """The old venv is half removed by then, which is no change of somebody's."""
    demo_set(index)
    root.sync(EXTENSION_AUTO_INSTALL="viewer")
    disturbed = Disturbed(root, tmp_path / "keep", "viewer,typed", refused)
    record = root.extensions / ".localstack-extensions.commit"
    calls = disturbed.calls()
    gone = next(i for i, call in enumerate(calls) if call[1].startswith("unlink") and call[2] == str(record))
    removing = [call for call in calls[gone + 1:] if ".staging" in call[2]]
    disturbed.kill(calls[gone])
    text = record.read_text()
    for point in [*removing[:3], *removing[3::9], removing[-1]]:
        disturbed.kill(point)
        record.write_text(text)
        done = root.sync(**disturbed.env)
        assert "finished what an interrupted sync had begun" in done.err, (point, done)
        assert root.installed() == {"viewer": "1.0", "typed": "0.3", "lib-one": "2.5"}, (point, done)
        check_records(root)
        assert leftovers(root) == [], point


def test_two_syncs_at_once(root, index):
    demo_set(index)
    env = root.environment({"EXTENSION_AUTO_INSTALL": "typed,viewer"})
    runs = [subprocess.Popen(root.command("sync"), env=env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            for _ in range(4)]
    said = [run.communicate(timeout=120)[1] for run in runs]
    assert [run.returncode for run in runs] == [0] * 4, said
    assert sum("installed typed" in text or "typed 0.3" in text for text in said) == 1, said
    assert root.installed() == {"viewer": "1.0", "typed": "0.3", "lib-one": "2.5"}
    check_records(root)
    assert leftovers(root) == []


def test_waiting_for_the_lock_says_who_holds_it_and_ends_in_time(root, index):
    demo_set(index)
    root.sync(EXTENSION_AUTO_INSTALL="typed")
    with another_sync(root):
        done = root.run("sync", "--timeout", "1", env={"EXTENSION_AUTO_INSTALL": "viewer"})
        assert done.status == 3 and root.installed() == {"typed": "0.3", "lib-one": "2.5"}, done
        assert re.search(r"wait|hold", done.err), done
        done = root.boot("/bin/true", env={"EXTENSION_AUTO_INSTALL": "viewer", "EXTENSION_SYNC_TIMEOUT": "1"})
        assert done.status == 0 and "EXTENSION_SYNC" in done.err, done
    root.sync(EXTENSION_AUTO_INSTALL="viewer")


def test_byte_code_of_what_was_replaced_does_not_stay(root, index):
    index.add("tool", "1.0", files={"tool.py": "version = '1.0'\n"})
    root.sync(EXTENSION_AUTO_INSTALL="tool")
    see = "import tool; print(tool.version)"
    run = [root.venv / "bin/python", "-c", see]
    env = {"PATH": "/usr/bin:/bin"}
    assert subprocess.check_output(run, env=env, text=True) == "1.0\n"
    index.add("tool", "1.1", files={"tool.py": "version = '1.1'\n"})
    root.sync(EXTENSION_AUTO_INSTALL="tool==1.1")
    assert subprocess.check_output(run, env=env, text=True) == "1.1\n"


def test_what_stands_in_the_venv_without_a_record_is_carried_over(root, index):
    demo_set(index)
    root.sync(EXTENSION_AUTO_INSTALL="typed")
    (root.venv / "pip.conf").write_text("[global]\ntimeout = 33\n")
    (root.site / "notes.txt").write_text("mine\n")
    (root.venv / "bin/mine").symlink_to("/bin/true")
    root.sync(EXTENSION_AUTO_INSTALL="typed,viewer")
    assert (root.venv / "pip.conf").read_text() == "[global]\ntimeout = 33\n"
    assert (root.site / "notes.txt").read_text() == "mine\n"
    assert os.readlink(root.venv / "bin/mine") == "/bin/true"


# ---- another Python

def test_another_python_rebuilds_the_venv_with_what_was_installed_by_hand(root, index, other_base):
    demo_set(index)
    index.add("hand", "1.0")
    root.sync(EXTENSION_AUTO_INSTALL="typed")
    root.pip("install", "--index-url", index.server.url, "hand")
    was = root.python
    switch_base(root, other_base)
    assert root.python != was
    done = root.boot("/bin/true", env={"EXTENSION_AUTO_INSTALL": "typed"})
    assert done.status == 0 and re.search("made anew", done.err), done
    assert root.installed() == {"typed": "0.3", "lib-one": "2.5", "hand": "1.0"}
    assert [p.name for p in (root.venv / "lib").iterdir()] == [root.python]
    assert subprocess.check_output([root.venv / "bin/typed-cli"], env={"PATH": "/usr/bin:/bin"}, text=True) == "typed\n"
    assert f"python {root.python[6:]}" in root.pip("--version").stdout
    check_records(root)
    again = root.boot("/bin/true", env={"EXTENSION_AUTO_INSTALL": "typed"})
    assert again.err == ""


def test_another_python_and_what_was_installed_by_hand_is_nowhere_any_more(root, index, tmp_path, other_base):
    """Its files are of another Python, so they go: that is said, and not that they stay."""
    demo_set(index)
    root.sync(EXTENSION_AUTO_INSTALL="typed")
    wheel = make_wheel(tmp_path / "wheels", "hand", "1.0")
    root.pip("install", "--no-index", wheel)
    wheel.unlink()
    switch_base(root, other_base)
    done = root.boot("/bin/true", env={"EXTENSION_AUTO_INSTALL": "typed"})
    assert done.status == 0 and root.installed() == {"typed": "0.3", "lib-one": "2.5"}, done
    assert (f"warning: hand @ file://{wheel}, installed by hand, cannot be installed into the venv that is made anew for another Python, "
            "and is gone from it; install it again with bin/pip") in done.err, done
    assert "stays as it is" not in done.err, done
