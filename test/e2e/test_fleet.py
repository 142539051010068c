# SPDX-License-Identifier: Apache-2.0
"""Many containers that start at once on one empty volume: one of them installs, each file is fetched once, nobody waits for the dead, and
who waits says for whom."""

import contextlib
import os
import re
import shutil
import signal
import subprocess

import pytest

from checks import check_records, demo_set, leftovers
from conftest import SANITIZED
from fault_server import FaultServer
from test_downloads import Large, fetched

COUNT = 6 if SANITIZED else 24
WANTED = "typed,viewer"
INSTALLED = {"viewer": "1.0", "typed": "0.3", "lib-one": "2.5"}
WAITS = r"waiting for another sync of this volume: container \S+, process (\d+), since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\n"


def booting(root, wrap=(), **env):
    return subprocess.Popen([*wrap, str(root.programs.entrypoint), "--root", str(root.folder), "echo", "booted"],
                            env=root.environment(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def files_fetched(index):
    return sorted(re.findall(r"GET (/files/\S+\.whl) ", index.server.access_log.read_text()))


def all_at_once(root, index, begin):
    """What each of them said on stderr, once all have ended well."""
    runs = [begin() for _ in range(COUNT)]
    said = [run.communicate(timeout=120) for run in runs]
    assert [run.returncode for run in runs] == [0] * COUNT, said
    errors = [err for _, err in said]
    assert sum("installed " in err for err in errors) == 1, errors
    assert not [err for err in errors if re.search("error|warning", err)], errors
    assert root.installed() == INSTALLED
    files = files_fetched(index)
    assert len(files) == len(set(files)) == len(INSTALLED), files
    check_records(root)
    assert leftovers(root) == []
    return [out for out, _ in said], errors


def test_many_syncs_of_one_empty_volume(root, index):
    demo_set(index)
    env = root.environment({"EXTENSION_AUTO_INSTALL": WANTED})
    all_at_once(root, index, lambda: subprocess.Popen(root.command("sync"), env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                                      stderr=subprocess.PIPE, text=True))


def test_many_boots_of_one_empty_volume(root, index):
    demo_set(index)
    outs, _ = all_at_once(root, index, lambda: booting(root, EXTENSION_AUTO_INSTALL=WANTED))
    assert outs == ["booted\n"] * COUNT
    # And for each of them the next boot has nothing to do.
    before = index.server.access_log.read_text()
    again = root.boot("true", env={"EXTENSION_AUTO_INSTALL": WANTED})
    assert again.status == 0 and again.err == "" and index.server.access_log.read_text() == before, again


# ---- the one that all wait for does not end

@pytest.fixture
def held(root, tmp_path):
    """An index whose one wheel stops in its middle until it is let go."""
    with FaultServer() as server:
        large = Large(server, tmp_path / "new")
        root.env.update({"PIP_INDEX_URL": f"{server.url}/simple/", "EXTENSION_AUTO_INSTALL": "large"})
        yield large
        large.open.set()


def sync(root, *args):
    return subprocess.Popen(root.command("sync", *args), env=root.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True)


def one_at_work(root, held):
    first = sync(root)
    assert held.half.wait(60)
    return first


def until_it_waits(run):
    """Until it has said for whom: the process that it names."""
    for line in run.stderr:
        if (said := re.search(WAITS, line)):
            return int(said[1])
    raise AssertionError("it did not wait")


def test_all_go_on_when_who_has_the_lock_is_killed(root, held):
    first = one_at_work(root, held)
    waiting = [sync(root) for _ in range(4)]
    assert [until_it_waits(run) for run in waiting] == [first.pid] * 4
    held.open.set()
    first.kill()
    first.communicate()
    said = [run.communicate(timeout=60)[1] for run in waiting]
    assert [run.returncode for run in waiting] == [0] * 4, said
    assert sum("installed large" in err for err in said) == 1, said
    assert root.installed() == {"large": "1.0"} and leftovers(root) == []


@contextlib.contextmanager
def stopped(process):
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def test_who_has_the_lock_is_stopped(root, held):
    """He may go on at any moment, so nobody takes it from him: a time limit ends the waiting, and a boot goes on without."""
    first = one_at_work(root, held)
    with stopped(first):
        ended = root.run("sync", "--timeout", "1")
        assert ended.status == 3 and "--timeout" in ended.err and re.search(WAITS, ended.err)[1] == str(first.pid), ended
        boot = root.boot("echo", "booted", env={"EXTENSION_SYNC_TIMEOUT": "1"})
        assert boot.status == 0 and boot.out == "booted\n", boot
        assert re.search(WAITS, boot.err)[1] == str(first.pid) and "EXTENSION_SYNC_TIMEOUT" in boot.err, boot
        boot = root.boot("echo", "booted", env={"EXTENSION_SYNC_TIMEOUT": "1", "EXTENSION_ON_ERROR": "abort"})
        assert boot.status == 3 and boot.out == "", boot
        assert root.installed() == {}
        last = sync(root)
        assert until_it_waits(last) == first.pid
    held.open.set()
    said = [run.communicate(timeout=60)[1] for run in (first, last)]
    assert first.returncode == last.returncode == 0, said
    assert "installed large" in said[0] and "installed" not in said[1], said
    assert root.installed() == {"large": "1.0"} and fetched(held) == [None] and leftovers(root) == []


# ---- containers that do not ask for the same

def container(name):
    return ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', name]


OTHER = r"warning: container {} synced this volume last, and with other inputs \({}\): the extensions become what this one \({}\) asks for"


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("unshare"), reason="needs host names of its own")
def test_who_asks_for_something_else_is_told_and_wins(root, index):
    demo_set(index)
    first = root.boot("true", env={"EXTENSION_AUTO_INSTALL": "typed"}, wrap=container("one"))
    assert first.status == 0 and "warning" not in first.err, first
    second = root.boot("true", env={"EXTENSION_AUTO_INSTALL": "viewer"}, wrap=container("two"))
    assert second.status == 0 and re.search(OTHER.format("one", "EXTENSION_AUTO_INSTALL changed", "two"), second.err), second
    assert root.installed() == {"viewer": "1.0"}
    # The one that changes its own mind is not told, nor is one that asks for the same.
    own = root.boot("true", env={"EXTENSION_AUTO_INSTALL": "viewer,typed"}, wrap=container("two"))
    assert own.status == 0 and "warning" not in own.err, own
    same = root.boot("true", env={"EXTENSION_AUTO_INSTALL": "viewer,typed"}, wrap=container("three"))
    assert same.status == 0 and same.err == "", same
    # Nor is anybody for what was done to the venv: that is nobody's input.
    root.pip("uninstall", "-y", "typed")
    mended = root.boot("true", env={"EXTENSION_AUTO_INSTALL": "viewer,typed"}, wrap=container("three"))
    assert mended.status == 0 and "warning" not in mended.err and root.installed() == INSTALLED, mended
    root.requirements("lib-one\n")
    named = root.boot("true", env={"EXTENSION_AUTO_INSTALL": "viewer,typed"}, wrap=container("four"))
    file = re.escape(str(root.conf / "extensions.txt")) + " is new"
    assert named.status == 0 and re.search(OTHER.format("three", file, "four"), named.err), named


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("unshare"), reason="needs host names of its own")
def test_two_at_once_that_ask_for_different_things(root, index, tmp_path):
    """The first is held in the middle, so that the second is the last of the two."""
    with FaultServer() as server:
        held = Large(server, tmp_path / "new")
        env = {"PIP_INDEX_URL": f"{server.url}/simple/"}
        first = booting(root, container("one"), EXTENSION_AUTO_INSTALL="large", **env)
        assert held.half.wait(60)
        demo_set(index)
        second = booting(root, container("two"), EXTENSION_AUTO_INSTALL="viewer")
        until_it_waits(second)
        held.open.set()
        said = first.communicate(timeout=60), second.communicate(timeout=60)
    assert first.returncode == second.returncode == 0, said
    assert "warning" not in said[0][1] and re.search(OTHER.format("one", "EXTENSION_AUTO_INSTALL and PIP_INDEX_URL changed", "two"), said[1][1]), said
    assert root.installed() == {"viewer": "1.0"} and leftovers(root) == []
