# SPDX-License-Identifier: Apache-2.0
"""Downloads outlive a run and are shared: each file is fetched once, however many containers use the cache, and goes on where a run
was ended."""

import hashlib
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import threading

import pytest

SIZE = 3_000_000
TYPES = {".html": "text/html", ".json": "application/vnd.pypi.simple.v1+json"}


class Gate(http.server.ThreadingHTTPServer):
    """The files of an index, of which one is held after its first half until `open` is set. Knows ranges; notes what was asked for."""

    daemon_threads = True

    def __init__(self, folder, held):
        self.folder, self.held, self.page = folder, held, "index.html"
        self.open, self.half = threading.Event(), threading.Event()
        self.asked = []
        super().__init__(("127.0.0.1", 0), GateHandler)
        self.url = f"http://127.0.0.1:{self.server_port}/simple/"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class GateHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        path = server.folder / self.path.lstrip("/")
        path = path / server.page if path.is_dir() else path
        if not path.is_file():
            self.send_error(404)
            return
        data, first = path.read_bytes(), 0
        given = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        server.asked.append((path.name, self.headers.get("Range")))
        if given:
            first = int(given[1])
        if first >= len(data):
            self.send_error(416)
            return
        self.send_response(206 if given else 200)
        self.send_header("Content-Type", TYPES.get(path.suffix, "application/octet-stream"))
        self.send_header("Content-Length", str(len(data) - first))
        if given:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        body = data[first:]
        if path.name != server.held or server.open.is_set():
            self.wfile.write(body)
            return
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        server.half.set()
        server.open.wait()
        try:
            self.wfile.write(body[len(body) // 2 :])
        except OSError:
            pass

    def log_message(self, *args):
        pass


@pytest.fixture
def gate(root, workshop):
    wheel = workshop.add("large", "1.0", files={"large.bin": os.urandom(SIZE)}, page={})
    server = Gate(workshop.index.folder, wheel.name)
    server.wheel = wheel
    root.env["PIP_INDEX_URL"] = server.url
    root.env["EXTENSION_AUTO_INSTALL"] = "large"
    yield server
    server.open.set()
    server.shutdown()
    server.server_close()


def downloads(root):
    folder = root.volume / "cache/extensions/downloads"
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def begin(root, *args):
    return subprocess.Popen(root.command("sync", *args), env=root.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def fetched(gate):
    return [asked for name, asked in gate.asked if name == gate.held]


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
    folder = root.volume / "cache/extensions/downloads"
    for _ in range(6000):
        for part in folder.glob("*.part") if folder.exists() else ():
            if part.stat().st_size:
                return part
        threading.Event().wait(0.01)
    raise AssertionError("nothing was kept of the download")


@pytest.mark.parametrize("kept", ["other bytes", "whole", "too many"])
def test_what_was_kept_is_checked(root, gate, kept):
    gate.open.set()
    data = gate.wheel.read_bytes()
    folder = root.volume / "cache/extensions/downloads"
    folder.mkdir(parents=True)
    part = folder / (hashlib.sha256(data).hexdigest() + ".part")
    part.write_bytes({"other bytes": b"x" * 1000, "whole": data, "too many": data + b"x"}[kept])
    root.sync()
    assert root.installed() == {"large": "1.0"}
    # HTML pages give no size: where all is there already the server says that there is no more (416), and it comes anew.
    have = {"other bytes": 1000, "whole": len(data), "too many": len(data) + 1}[kept]
    assert fetched(gate) == [f"bytes={have}-", None]
    assert downloads(root) == []


def test_what_was_kept_as_a_whole_is_not_asked_for_where_its_size_is_known(root, gate):
    gate.open.set()
    gate.page = "index.json"
    data = gate.wheel.read_bytes()
    pages = root.folder.parent / "workshop/index/simple/large/index.json"
    page = json.loads(pages.read_text())
    page["files"][0]["size"] = len(data)
    pages.write_text(json.dumps(page))
    folder = root.volume / "cache/extensions/downloads"
    folder.mkdir(parents=True)
    (folder / (hashlib.sha256(data).hexdigest() + ".part")).write_bytes(data)
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
    assert {p.name for p in root.extensions.iterdir()} == {
        "python_venv", ".localstack-extensions.lock", ".localstack-extensions.state"}


def test_what_stands_in_for_the_cache_goes_also_after_a_kill(root, index):
    index.add("one", "1.0")
    left = root.extensions / ".localstack-extensions.cache/unpacked/x"
    left.mkdir(parents=True)
    root.sync(EXTENSION_AUTO_INSTALL="one")
    assert not left.parent.parent.exists()
