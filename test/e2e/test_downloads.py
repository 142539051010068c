# SPDX-License-Identifier: Apache-2.0
"""Downloads outlive a run and are shared: each file is fetched once, however many containers use the cache, and goes on where a run
was ended."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import threading

import pytest

from fault_server import Answer, FaultServer, Gate, page
from servers import wheel_metadata
from small_world import LASTING
from wheels import make_wheel

SIZE = 3_000_000


class Large:
    """An index with one large wheel, which it holds back in the middle until `open` is set."""

    def __init__(self, server, folder):
        self.server, self.gate = server, Gate()
        self.half, self.open = self.gate.half, self.gate.open
        wheel = make_wheel(folder, "large", "1.0", files={"large.bin": os.urandom(SIZE)})
        self.data, self.path = wheel.read_bytes(), f"/files/{wheel.name}"
        self.sha256 = hashlib.sha256(self.data).hexdigest()
        self.entry = {"filename": wheel.name, "url": f"../..{self.path}", "hashes": {"sha256": self.sha256}, "core-metadata": True}
        server.add("/simple/large/", page([self.entry], html=True))
        server.add(self.path, Answer(body=self.data, ranges=True, gate=self.gate))
        server.add(f"{self.path}.metadata", Answer(body=wheel_metadata(wheel)))


@pytest.fixture
def gate(root, tmp_path):
    with FaultServer() as server:
        large = Large(server, tmp_path / "new")
        root.env["PIP_INDEX_URL"] = f"{server.url}/simple/"
        root.env["EXTENSION_AUTO_INSTALL"] = "large"
        yield large
        large.open.set()


def downloads_of(root):
    return root.volume / "cache/extensions/downloads"


def leave(root, gate, kept):
    """What an earlier run would have kept of the wheel."""
    downloads_of(root).mkdir(parents=True)
    (downloads_of(root) / f"{gate.sha256}.part").write_bytes(kept)


def downloads(root):
    folder = downloads_of(root)
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def begin(root, *args):
    return subprocess.Popen(root.command("sync", *args), env=root.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def fetched(gate):
    return [request.headers.get("range") for request in gate.server.asked(gate.path)]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_download_goes_on_where_a_run_was_ended(root, gate, how):
    first = begin(root)
    assert gate.half.wait(60)
    part = await_part(root)
    first.send_signal(how)
    first.communicate(timeout=60)
    assert first.returncode == -how
    have = part.stat().st_size
    assert have > 0
    gate.open.set()
    done = root.sync()
    assert root.installed() == {"large": "1.0"}, done
    assert fetched(gate) == [None, f"bytes={have}-"]
    assert downloads(root) == []


def await_part(root):
    """The part file once something is in it: inotify would tell of the writes, but the first may be over; so it is looked at while the
    server holds the second half back."""
    folder = downloads_of(root)
    for _ in range(6000):
        for part in folder.glob("*.part") if folder.exists() else ():
            if part.stat().st_size:
                return part
        threading.Event().wait(0.01)
    raise AssertionError("nothing was kept of the download")


@pytest.mark.parametrize("kept", ["other bytes", "whole", "too many"])
def test_what_was_kept_is_checked(root, gate, kept):
    gate.open.set()
    data = gate.data
    leave(root, gate, {"other bytes": b"x" * 1000, "whole": data, "too many": data + b"x"}[kept])
    root.sync()
    assert root.installed() == {"large": "1.0"}
    # HTML pages give no size: where all is there already the server says that there is no more (416), and it comes anew.
    have = {"other bytes": 1000, "whole": len(data), "too many": len(data) + 1}[kept]
    assert fetched(gate) == [f"bytes={have}-", None]
    assert downloads(root) == []


def test_what_was_kept_as_a_whole_is_not_asked_for_where_its_size_is_known(root, gate):
    gate.open.set()
    gate.server.add("/simple/large/", page([{**gate.entry, "size": len(gate.data)}]))
    leave(root, gate, gate.data)
    root.sync()
    assert root.installed() == {"large": "1.0"}
    assert fetched(gate) == [] and downloads(root) == []


def one_waits_for_another(root, gate, cache):
    """Two syncs of one cache, of which the second has said that it waits for the first: both, and the second's venv."""
    root.env["EXTENSION_CACHE_DIR"] = str(cache)
    first = begin(root)
    assert gate.half.wait(60)
    other = root.extensions.parent / "other/python_venv"
    second = begin(root, "--venv", other)
    said = next((line for line in second.stderr if "waiting for large-1.0" in line), "")
    assert re.search(rf"process {first.pid}, since 20", said), said
    return first, second, other


def test_two_volumes_on_one_cache_fetch_each_file_once(root, gate, tmp_path):
    first, second, other = one_waits_for_another(root, gate, tmp_path / "cache")
    gate.open.set()
    assert first.wait(60) == 0 and second.wait(60) == 0, second.stderr.read()
    first.stderr.close()
    second.stderr.close()
    assert fetched(gate) == [None]
    assert list(other.glob("lib/*/site-packages/large-1.0.dist-info"))


def test_nobody_waits_for_who_was_killed(root, gate, tmp_path):
    first, second, other = one_waits_for_another(root, gate, tmp_path / "cache")
    gate.open.set()
    first.kill()
    first.communicate()
    assert second.wait(60) == 0, second.stderr.read()
    second.stderr.close()
    assert list(other.glob("lib/*/site-packages/large-1.0.dist-info"))


def test_nobody_waits_for_long_for_who_is_stopped(root, gate, tmp_path):
    cache = tmp_path / "cache"
    root.env["EXTENSION_CACHE_DIR"] = str(cache)
    first = begin(root)
    assert gate.half.wait(60)
    first.send_signal(signal.SIGSTOP)
    gate.open.set()
    try:
        other = root.extensions.parent / "other/python_venv"
        done = root.run("sync", "--venv", other, env={"PIP_TIMEOUT": "1"})
        assert done.status == 0 and "is fetched here" in done.err, done
    finally:
        first.send_signal(signal.SIGCONT)
        first.communicate(timeout=60)


@pytest.mark.once
def test_a_volume_without_locks_downloads_all_the_same(root, gate):
    gate.open.set()
    done = root.run("sync", wrap=["strace", "-f", "-qq", "-e", "inject=flock:error=ENOLCK", "-e", "trace=none", "-o", "/dev/null"])
    assert done.status == 0 and root.installed() == {"large": "1.0"}, done


def test_many_volumes_on_one_empty_cache(root, gate, tmp_path):
    root.env["EXTENSION_CACHE_DIR"] = str(tmp_path / "cache")
    gate.open.set()
    count = 6 if root.programs.sanitized else 24
    venvs = [root.extensions.parent / f"v{i}/python_venv" for i in range(count)]
    runs = [subprocess.Popen([*root.command("sync"), "--venv", str(venv)], env=root.env, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True) for venv in venvs]
    said = [run.communicate(timeout=120)[1] for run in runs]
    assert [run.returncode for run in runs] == [0] * count, said
    assert all(list(venv.glob("lib/*/site-packages/large-1.0.dist-info")) for venv in venvs)
    assert fetched(gate) == [None]
    assert not list((tmp_path / "cache/downloads").iterdir())
    shutil.rmtree(root.extensions.parent)


# ---- a cache that is of no use costs speed, not success

def test_a_cache_that_cannot_be_made(root, index, tmp_path):
    index.add("one", "1.0", ["two"])
    index.add("two", "1.0")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for cache in ("/proc/nowhere", "/dev/null/cache"):
        done = root.sync("--upgrade", EXTENSION_AUTO_INSTALL="one", EXTENSION_CACHE_DIR=cache)
        assert root.installed() == {"one": "1.0", "two": "1.0"} and done.err.count("cannot be used") == 1, done
        plan = root.run("plan", "one", "two", env={"EXTENSION_CACHE_DIR": cache, "TMPDIR": scratch})
        assert plan.status == 0 and not list(scratch.iterdir()), plan
        shutil.rmtree(root.volume / "lib/extensions")
    assert not list(root.volume.glob("cache/extensions/*"))


def in_tmpfs(cache, options):
    """The command with the cache on a small volume of its own."""
    cache.mkdir(parents=True, exist_ok=True)
    return ["unshare", "-m", "sh", "-c", f'mount -t tmpfs -o {options} tmpfs {cache} && exec "$@"', "sh"]


@pytest.mark.parametrize("options", ["size=64k", "ro"])
def test_a_cache_that_is_full_or_read_only(root, index, tmp_path, options):
    index.add("one", "1.0", ["two", "three"], {"one.bin": os.urandom(300_000)})
    index.add("two", "1.0", files={"two.bin": os.urandom(300_000)})
    index.add("three", "1.0")
    done = root.run("sync", env={"EXTENSION_AUTO_INSTALL": "one", "EXTENSION_CACHE_DIR": tmp_path / "cache"},
                    wrap=in_tmpfs(tmp_path / "cache", options))
    assert done.status == 0 and done.err.count("cannot be used") == 1, done
    assert root.installed() == {"one": "1.0", "two": "1.0", "three": "1.0"}
    assert (root.site / "one.bin").stat().st_size == 300_000
    assert {p.name for p in root.extensions.iterdir()} == LASTING


def test_what_stands_in_for_the_cache_goes_also_after_a_kill(root, index):
    index.add("one", "1.0")
    left = root.extensions / ".localstack-extensions.cache/unpacked/x"
    left.mkdir(parents=True)
    root.sync(EXTENSION_AUTO_INSTALL="one")
    assert not left.parent.parent.exists()
