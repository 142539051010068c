# SPDX-License-Identifier: Apache-2.0
"""TERM and INT end a sync at once, by the signal, whatever it is at; nothing is broken, and the next sync finishes."""

import os
import shutil
import signal
import subprocess
import time

import pytest

from checks import another_sync, check_records
from fault_server import Answer, FaultServer
from held_index import Held
from small_world import LASTING

AT_ONCE_S = 2
SIGNALS = [signal.SIGTERM, signal.SIGINT]


@pytest.fixture
def held(root, index, tmp_path):
    """The venv has `old`; `new` is asked for too."""
    index.add("old", "1.0")
    root.sync(EXTENSION_AUTO_INSTALL="old")
    with FaultServer() as server:
        held = Held(server, tmp_path / "new")
        root.env.update(PIP_EXTRA_INDEX_URL=f"{server.url}/simple/", EXTENSION_AUTO_INSTALL="old,new")
        server.add("/simple/old/", Answer(status=404))
        yield held
        held.gate.open.set()


def start(root, wrap=()):
    # INT as a shell in the foreground leaves it, whatever started the tests.
    return subprocess.Popen([*wrap, *root.command("sync")], env=root.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))


def end(process, number, pid=None):
    """The status, which has to come at once."""
    began = time.monotonic()
    os.kill(pid or process.pid, number)
    try:
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert time.monotonic() - began < AT_ONCE_S
    return process.returncode


def check_the_next(root, held, before=True):
    if before:
        assert root.installed() == {"old": "1.0"}
    check_records(root)
    held.release()
    root.sync()
    assert root.installed() == {"old": "1.0", "new": "1.0"}
    check_records(root)
    assert {p.name for p in root.extensions.iterdir()} == LASTING
    downloads = root.volume / "cache/extensions/downloads"
    assert not downloads.exists() or not list(downloads.iterdir())


@pytest.mark.parametrize("number", SIGNALS)
def test_while_a_page_is_waited_for(root, held, number):
    held.hold_page()
    process = start(root)
    assert held.asked.wait(60)
    assert end(process, number) == -number
    check_the_next(root, held)


@pytest.mark.parametrize("number", SIGNALS)
def test_while_a_wheel_comes(root, held, number):
    held.hold_wheel()
    process = start(root)
    assert held.gate.half.wait(60)
    assert end(process, number) == -number
    check_the_next(root, held)


@pytest.mark.parametrize("number", SIGNALS)
def test_while_another_sync_is_waited_for(root, held, number):
    with another_sync(root):
        process = start(root)
        assert any("waiting" in line for line in process.stderr)
        assert end(process, number) == -number
    check_the_next(root, held)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("call", ["linkat", "symlinkat", "syncfs", "renameat2", "unlinkat"])
def test_while_the_next_venv_is_staged_and_switched(root, held, call, number):
    """The signal comes with a system call of unpacking, staging, the commit or cleaning up."""
    done = root.run("sync", wrap=["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}", "-e",
                                  f"inject={call}:signal={number.name}:when=1"])
    assert done.status in (-number, 128 + number), done
    assert root.installed() in ({"old": "1.0"}, {"old": "1.0", "new": "1.0"})
    check_the_next(root, held, before=False)


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare")
@pytest.mark.parametrize("number", SIGNALS)
def test_as_the_first_process_of_a_container(root, held, number):
    """For which the kernel drops signals that nobody handles: an init container runs a sync so."""
    held.hold_page()
    process = start(root, ["unshare", "--pid", "--fork", "--kill-child"])
    assert held.asked.wait(60)
    first = int(open(f"/proc/{process.pid}/task/{process.pid}/children").read())
    assert end(process, number, first) == 128 + number
    check_the_next(root, held)
