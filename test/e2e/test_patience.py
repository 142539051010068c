# SPDX-License-Identifier: Apache-2.0
"""At boot a whole venv does not wait longer than ten seconds for indexes that say nothing at all; without one the sync goes on to its limits."""

import contextlib
import os
import socket
import time

import pytest

PATIENCE_S = 10


@contextlib.contextmanager
def silence():
    """A server that takes connections and says nothing: its address."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(128)
        yield f"127.0.0.1:{s.getsockname()[1]}"


@pytest.fixture
def silent():
    with silence() as one, silence() as other:
        yield one, other


def boot(root, wrap=(), **env):
    began = time.monotonic()
    done = root.boot("echo", "booted", wrap=wrap, env={"EXTENSION_AUTO_INSTALL": "old,new", "PIP_TIMEOUT": "120", **env})
    return done, time.monotonic() - began


@pytest.fixture
def whole(root, index):
    index.add("old", "1.0")
    index.add("new", "1.0")
    root.sync(EXTENSION_AUTO_INSTALL="old")
    return root


@pytest.mark.parametrize("way", ["indexes", "proxy"])
def test_a_boot_goes_on_with_a_whole_venv(whole, index, silent, way):
    one, other = (f"http://{address}" for address in silent)
    if way == "proxy":
        env, asked = {"PIP_PROXY": one}, index.server.url
    else:
        env, asked = {"PIP_INDEX_URL": f"{one}/simple/", "PIP_EXTRA_INDEX_URL": f"{other}/simple/"}, f"{other}/simple/"
    done, seconds = boot(whole, **env)
    assert done.status == 0 and done.out == "booted\n", done
    assert PATIENCE_S <= seconds < 3 * PATIENCE_S
    assert f"new (EXTENSION_AUTO_INSTALL) is set aside: {asked}new/ did not come, and no server has answered for {PATIENCE_S} s" in done.err, done
    assert "EXTENSION_SYNC" in done.err and whole.installed() == {"old": "1.0"}
    # It ended with 1, and the next boot tries again.
    if way == "indexes":
        aborted, _ = boot(whole, EXTENSION_ON_ERROR="abort", **env)
        assert aborted.status == 1 and aborted.out == "", aborted
    done, _ = boot(whole)
    assert done.status == 0 and whole.installed() == {"old": "1.0", "new": "1.0"}, done


@pytest.mark.skipif(os.getuid() != 0, reason="needs a name server's port, and a mount")
def test_a_name_server_that_says_nothing(whole, tmp_path):
    """The resolver, which cannot be interrupted, does not hold up the end either."""
    resolver = tmp_path / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.9\noptions timeout:30 attempts:3\n")
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.9", 53))
        done, seconds = boot(whole, ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"', resolver],
                             PIP_INDEX_URL="https://index.example/simple/")
        s.settimeout(0)
        assert b"index\x07example" in s.recv(512)
    assert done.status == 0 and done.out == "booted\n" and seconds < 2 * PATIENCE_S, done
    assert f"no server has answered for {PATIENCE_S} s" in done.err and "index.example" in done.err and whole.installed() == {"old": "1.0"}, done


def test_without_a_venv_a_boot_goes_on_trying(root, index, silent):
    done, seconds = boot(root, PIP_INDEX_URL=f"http://{silent[0]}/simple/", EXTENSION_SYNC_TIMEOUT=str(PATIENCE_S + 3))
    assert done.status == 0 and done.out == "booted\n" and seconds >= PATIENCE_S + 3, done
    assert "no server has answered" not in done.err and "EXTENSION_SYNC_TIMEOUT" in done.err and "EXTENSION_SYNC=never" in done.err, done


def test_a_sync_by_hand_goes_on_trying(whole, silent):
    began = time.monotonic()
    done = whole.run("sync", "--timeout", str(PATIENCE_S + 3), env={"PIP_INDEX_URL": f"http://{silent[0]}/simple/", "PIP_TIMEOUT": "120",
                                                                    "EXTENSION_AUTO_INSTALL": "old,new"})
    assert done.status == 3 and "time limit" in done.err and time.monotonic() - began >= PATIENCE_S + 3, done
    assert whole.installed() == {"old": "1.0"}
