# SPDX-License-Identifier: Apache-2.0
"""`localstack-extensions cache`: what is there, what may go, and that nothing else does."""

import fcntl
import glob
import hashlib
import json
import os
import signal
import subprocess
import threading

import pytest

from checks import another_sync, check_records, tree
from fault_server import Answer, FaultServer, Gate, page
from servers import wheel_metadata
from wheels import make_wheel

KINDS = ("unpacked", "pages", "metadata", "built", "downloads", "other")
SHA = "0123456789abcdef" * 4


@pytest.fixture
def cache(root, index):
    """Two versions of a distribution went through it, of which the venv has one."""
    index.add("one", "1.0", ["two"], {"one.bin": os.urandom(100_000)})
    index.add("one", "1.1", ["two"])
    index.add("two", "1.0", files={"two.bin": b"2" * 5000})
    root.sync(EXTENSION_AUTO_INSTALL="one==1.0")
    root.sync(EXTENSION_AUTO_INSTALL="one==1.1")
    return root.volume / "cache/extensions"


def run(root, *args, **env):
    done = root.run("cache", *args, env=env)
    assert done.status == 0, done
    return done


def numbers(root, *args, **env):
    return json.loads(run(root, *args, "--format", "json", **env).out)


def counts(found):
    return {kind: found[kind]["count"] for kind in KINDS if found[kind]["count"]}


def entries(cache):
    return sorted(p.name for p in (cache / "unpacked").iterdir())


def files_below(folder):
    return [p for p in folder.rglob("*") if p.is_file()]


def test_dir(root, tmp_path):
    assert run(root, "dir").out == f"{root.volume}/cache/extensions\n"
    assert run(root, "dir", EXTENSION_CACHE_DIR=tmp_path / "c").out == f"{tmp_path}/c\n"
    assert run(root, "dir", "--cache-dir", tmp_path / "d").out == f"{tmp_path}/d\n"
    assert numbers(root, "dir") == {"dir": f"{root.volume}/cache/extensions"}
    assert not (root.volume / "cache").exists()


def test_size(root, cache):
    found = numbers(root, "size")
    assert counts(found) == {"unpacked": 3, "pages": 2, "metadata": 3, "other": 2}
    assert found["dir"] == str(cache)
    assert found["bytes"] == sum(p.stat().st_size for p in files_below(cache))
    assert found["bytes"] == sum(found[kind]["bytes"] for kind in KINDS)
    assert "3 unpacked wheels, 2 index pages, 3 metadata files, 2 other files, " in run(root, "size").out


@pytest.mark.parametrize("what", ["size", "prune", "clean"])
def test_a_cache_that_is_not_there_is_empty(root, what, tmp_path):
    found = numbers(root, what, "--cache-dir", tmp_path / "none")
    assert counts(found) == {} and found["bytes"] == 0


def test_prune_keeps_what_the_venv_uses(root, index, cache):
    removed = numbers(root, "prune")
    assert counts(removed) == {"unpacked": 1}
    assert removed["bytes"] > 100_000
    assert numbers(root, "prune")["bytes"] == 0
    asked = len(index.server.requests())
    subprocess.run(["rm", "-r", root.venv], check=True)
    root.sync(EXTENSION_AUTO_INSTALL="one==1.1", EXTENSION_OFFLINE="1")
    assert root.installed() == {"one": "1.1", "two": "1.0"} and len(index.server.requests()) == asked


def test_prune_keeps_what_the_venv_has_as_copies(root, index, tmp_path):
    """The cache on another mount: no hard link tells that a file is used."""
    index.add("one", "1.0")
    index.add("two", "1.0")
    env = {"EXTENSION_CACHE_DIR": tmp_path / "cache"}
    root.sync(EXTENSION_AUTO_INSTALL="one,two", **env)
    for path in files_below(tmp_path / "cache/unpacked"):
        times = path.stat()
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data)
        path.chmod(times.st_mode & 0o7777)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert counts(numbers(root, "prune", **env)) == {}
    root.sync(EXTENSION_AUTO_INSTALL="one", **env)
    assert counts(numbers(root, "prune", **env)) == {"unpacked": 1}


def test_prune_keeps_what_another_venv_on_this_volume_uses(root, index):
    index.add("one", "1.0", files={"one.bin": b"1" * 5000})
    other = root.extensions.parent / "other/python_venv"
    root.sync("--venv", other, EXTENSION_AUTO_INSTALL="one")
    assert counts(numbers(root, "prune")) == {}
    subprocess.run(["rm", "-r", other.parent], check=True)
    assert counts(numbers(root, "prune")) == {"unpacked": 1}


def test_prune_removes_what_nobody_read_for_long(root, cache):
    old = 40 * 24 * 60 * 60
    page, metadata = next((cache / "pages").iterdir()), next((cache / "metadata").iterdir())
    for path in (page, metadata):
        now = path.stat().st_mtime
        os.utime(path, (now - old, now - old))
    assert counts(numbers(root, "prune")) == {"unpacked": 1, "pages": 1, "metadata": 1}
    assert not page.exists() and not metadata.exists()


def leave_downloads(cache):
    folder = cache / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for start in "abc":
        part = folder / f"{start}{SHA[1:]}.part"
        part.write_bytes(b"x" * 1000)
        part.with_suffix(".lock").write_text("somebody 1 2026-01-01T00:00:00Z\n")
        made.append(part)
    return made


def test_downloads_that_somebody_is_at_stay(root, cache):
    old, held, new = leave_downloads(cache)
    for part in (old, held):
        os.utime(part, (1, 1))
    with open(held.with_suffix(".lock"), "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert counts(numbers(root, "prune")) == {"unpacked": 1, "downloads": 1}
        assert [p.exists() for p in (old, held, new)] == [False, True, True]
        run(root, "clean")
        assert [p.exists() for p in (old, held, new)] == [False, True, False]
    run(root, "clean")
    assert not cache.joinpath("downloads").exists()


def test_leftovers_of_the_dead_go(root, cache):
    left = cache / f"unpacked/.{SHA}.00000001.new"
    (left / "tree").mkdir(parents=True)
    run(root, "prune")
    assert not left.exists()


def unfinished(cache):
    return {str(p.parent.relative_to(cache)) for p in cache.rglob(".*.new") if p.is_file()}


def test_files_of_killed_writers_go(root, index):
    """A sync is killed at each renaming of a file: `prune`, or the next sync, removes what it was writing."""
    index.add("one", "1.0", ["two"])
    index.add("two", "1.0")
    cache = root.volume / "cache/extensions"
    env, seen = {"EXTENSION_AUTO_INSTALL": "one"}, set()
    for n in range(1, 100):
        subprocess.run(["rm", "-rf", root.extensions, cache], check=True)
        done = root.run("sync", env=env, wrap=["strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=?renameat,?renameat2",
                                               "-e", f"inject=?renameat,?renameat2:signal=SIGKILL:when={n}"])
        seen |= unfinished(cache)
        if done.status not in (-signal.SIGKILL, 128 + signal.SIGKILL):
            break
        run(root, "prune") if n % 2 else root.sync(**env)
        assert unfinished(cache) == set(), n
    assert seen == {".", "pages", "metadata"} and n > 5
    assert root.installed() == {"one": "1.0", "two": "1.0"}


def test_files_that_somebody_is_writing_stay(root, cache):
    names = [f"pages/.{SHA}.{os.getpid()}.new", f"metadata/.{SHA}.metadata.0000abcd.new", ".interpreter.json.1.new", ".download.12345678.new"]
    others = ["pages/.mine.1.new", f"pages/.{SHA}.x.new", f"metadata/.{SHA}.1.new", ".mine.00000001.new"]
    for name in names + others:
        (cache / name).write_text("half")
    holds = [open(cache / name, "rb") for name in names]
    for hold in holds:
        fcntl.flock(hold, fcntl.LOCK_EX)
    run(root, "prune")
    run(root, "clean")
    assert all((cache / name).exists() for name in names + others)
    for hold in holds:
        hold.close()
    run(root, "prune")
    assert not any((cache / name).exists() for name in names) and all((cache / name).exists() for name in others)


def test_clean_removes_what_is_ours_and_nothing_else(root, index, cache, tmp_path):
    before = {p: p.read_bytes() for p in files_below(root.venv)}
    mine = cache / "mine.txt"
    mine.write_text("mine")
    (cache / "pages/mine").write_text("mine")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("kept")
    (cache / "unpacked/link").symlink_to(outside)
    (cache / f"unpacked/{SHA}").symlink_to(outside)
    removed = numbers(root, "clean")
    assert removed["pages"]["count"] == 2 and removed["metadata"]["count"] == 3 and removed["other"]["count"] == 1
    assert counts(numbers(root, "clean")) == {}
    assert sorted(str(p.relative_to(cache)) for p in cache.rglob("*")) == ["CACHEDIR.TAG", "mine.txt", "pages", "pages/mine", "unpacked", "unpacked/link"]
    assert (outside / "file").read_text() == "kept"
    assert {p: p.read_bytes() for p in files_below(root.venv)} == before
    root.sync(EXTENSION_AUTO_INSTALL="one==1.0")
    assert root.installed() == {"one": "1.0", "two": "1.0"}


def fill_like_a_cache(folder):
    """Somebody's own files, which have names of our form."""
    names = [SHA, f"{SHA}.metadata", f"{SHA}.part", f"{SHA}.lock", f".{SHA}.00000001.new/tree/file", f"c{SHA[1:]}/list"]
    folder.mkdir(parents=True)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
        os.utime(path, (1, 1))
    return tree(folder)


@pytest.mark.parametrize("kind", ["unpacked", "pages", "metadata", "downloads"])
def test_a_link_in_the_cache_is_not_followed(root, index, cache, kind, tmp_path):
    before = fill_like_a_cache(tmp_path / "mine")
    subprocess.run(["rm", "-rf", cache / kind], check=True)
    (cache / kind).symlink_to(tmp_path / "mine")
    for what in ("size", "prune", "clean"):
        done = run(root, what, "--format", "json")
        assert f"{cache}/{kind} is a symbolic link: " in done.err and done.err.count("\n") == 1, done
        assert json.loads(done.out)[kind] == {"count": 0, "bytes": 0}
        assert tree(tmp_path / "mine") == before and (cache / kind).is_symlink(), what
    assert sorted(p.name for p in cache.iterdir()) == ["CACHEDIR.TAG", kind]


@pytest.mark.parametrize("kind", ["unpacked", "downloads"])
def test_a_sync_sweeps_through_no_link(root, index, cache, kind, tmp_path):
    before = fill_like_a_cache(tmp_path / "mine")
    subprocess.run(["rm", "-rf", cache / kind], check=True)
    (cache / kind).symlink_to(tmp_path / "mine")
    root.sync(EXTENSION_AUTO_INSTALL="one==1.0")
    assert root.installed() == {"one": "1.0", "two": "1.0"}
    now = tree(tmp_path / "mine")
    assert {path: now.get(path) for path in before} == before


def test_the_cache_itself_may_be_a_link(root, cache, tmp_path):
    cache.rename(tmp_path / "moved")
    cache.symlink_to(tmp_path / "moved")
    assert counts(numbers(root, "size")) == {"unpacked": 3, "pages": 2, "metadata": 3, "other": 2}
    assert counts(numbers(root, "prune")) == {"unpacked": 1}
    assert counts(numbers(root, "clean")) == {"unpacked": 2, "pages": 2, "metadata": 3, "other": 2}
    assert cache.is_symlink() and list(cache.iterdir()) == []


@pytest.mark.parametrize("tag", [None, "Signature: 8a477f597d28d172789f06886806bc55\n# of another program\n", "of localstack-extensions\n"])
@pytest.mark.parametrize("what", ["prune", "clean"])
def test_a_folder_that_is_no_cache_is_refused(root, what, tag, tmp_path):
    folder = tmp_path / "mine"
    for name in ("interpreter.json", ".interpreter.json.1.new", f"pages/{SHA}", f"metadata/{SHA}.metadata", f"unpacked/{SHA}/list",
                 f"unpacked/.{SHA}.1.new/list", f"downloads/{SHA}.part"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text('{"identity": 1, "answer": {}}')
        os.utime(folder / name, (1, 1))
    if tag:
        (folder / "CACHEDIR.TAG").write_text(tag)
    before = tree(folder)
    done = root.run("cache", what, "--cache-dir", folder)
    assert done.status == 2 and f"{folder} is no cache of localstack-extensions" in done.err and not done.out, done
    assert "`cache dir`" in done.err and done.err.count("\n") == 1, done
    assert tree(folder) == before


@pytest.mark.parametrize("left", ["interpreter.json", "pages", "unpacked"])
def test_a_cache_of_an_earlier_version_is_one(root, cache, left):
    (cache / "CACHEDIR.TAG").unlink()
    for path in cache.iterdir():
        if path.name != left:
            subprocess.run(["rm", "-r", path], check=True)
    (cache / "mine.txt").write_text("mine")
    expected = counts(numbers(root, "size"))
    assert len(expected) == 1
    run(root, "prune")
    expected.update({"unpacked": 2} if left == "unpacked" else {})
    assert counts(numbers(root, "clean")) == expected
    assert counts(numbers(root, "clean")) == {} and (cache / "mine.txt").read_text() == "mine"


def test_the_tag_of_a_cache(root, cache):
    tag = cache / "CACHEDIR.TAG"
    assert tag.read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55\n") and "localstack-extensions" in tag.read_text()
    run(root, "prune")
    assert tag.exists()
    assert counts(numbers(root, "clean"))["other"] == 2 and list(cache.iterdir()) == []
    run(root, "clean")
    tag.write_text("theirs")
    root.sync(EXTENSION_AUTO_INSTALL="one==1.0")
    assert tag.read_text() == "theirs"
    run(root, "clean")
    assert [p.name for p in cache.iterdir()] == ["CACHEDIR.TAG"]


def test_prune_waits_for_a_sync(root, cache):
    with another_sync(root):
        done = root.run("cache", "prune", "--timeout", "1")
        assert done.status == 3 and "waiting for another sync" in done.err and len(entries(cache)) == 3, done
    run(root, "prune")
    assert len(entries(cache)) == 2


# ---- while a sync runs

@pytest.fixture
def held(root, tmp_path):
    """A sync that has one wheel unpacked and another half, which the server holds back until the gate opens."""
    gate = Gate()
    with FaultServer() as server:
        for name, answer in (("small", {}), ("large", {"gate": gate})):
            wheel = make_wheel(tmp_path / "new", name, "1.0", files={f"{name}.bin": os.urandom(100_000)})
            data = wheel.read_bytes()
            server.add(f"/files/{wheel.name}", Answer(body=data, **answer))
            server.add(f"/files/{wheel.name}.metadata", Answer(body=wheel_metadata(wheel)))
            server.add(f"/simple/{name}/", page([{"filename": wheel.name, "url": f"../../files/{wheel.name}", "core-metadata": True,
                                                 "hashes": {"sha256": hashlib.sha256(data).hexdigest()}}]))
        root.env.update(PIP_INDEX_URL=f"{server.url}/simple/", EXTENSION_AUTO_INSTALL="small,large", EXTENSION_CACHE_DIR=str(tmp_path / "cache"))
        sync = subprocess.Popen(root.command("sync"), env=root.env, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            assert gate.half.wait(60)
            await_names(tmp_path / "cache/unpacked/*/list", 1)
            await_names(tmp_path / "cache/downloads/*.part", 1)
            yield sync, gate
        finally:
            gate.open.set()
            sync.communicate(timeout=60)


def await_names(pattern, count):
    """Nothing tells when a name appears but looking for it; the server holds the sync until it is there."""
    for _ in range(6000):
        if len(glob.glob(str(pattern))) == count:
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"{pattern}: {glob.glob(str(pattern))}")


def end(sync, gate):
    gate.open.set()
    said = sync.communicate(timeout=60)[1]
    assert sync.returncode == 0, said
    return said


def test_size_while_a_sync_runs(root, held):
    found = counts(numbers(root, "size"))
    assert (found["unpacked"], found["downloads"]) == (1, 1)
    assert "warning" not in end(*held)
    assert root.installed() == {"small": "1.0", "large": "1.0"}
    found = counts(numbers(root, "size"))
    assert found["unpacked"] == 2 and "downloads" not in found


@pytest.mark.parametrize("what", ["prune", "clean"])
def test_prune_begun_while_a_sync_runs_waits_for_its_end(root, held, what):
    pruning = subprocess.Popen(root.command("cache", what), env=root.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "waiting for another sync" in pruning.stderr.readline()
    assert "warning" not in end(*held)
    out, err = pruning.communicate(timeout=60)
    assert pruning.returncode == 0 and out.startswith("removed nothing," if what == "prune" else "removed 2 unpacked wheels, "), (out, err)
    assert root.installed() == {"small": "1.0", "large": "1.0"}
    check_records(root)


@pytest.mark.parametrize("what", ["prune", "clean", "rm"])
def test_another_volume_takes_wheels_out_of_a_shared_cache_while_a_sync_runs(root, held, what, tmp_path):
    """The one prunes what the other, whose lock it does not see, is about to link; or somebody deletes it."""
    if what == "rm":
        subprocess.run(["rm", "-r", tmp_path / "cache/unpacked"], check=True)
    else:
        removed = numbers(root, what, "--venv", tmp_path / "other/python_venv")
        assert removed["unpacked"]["count"] == 1 and removed["downloads"]["count"] == 0
    assert "small 1.0: " in (said := end(*held)) and said.count("somebody removed it from the cache meanwhile") == 1, said
    assert root.installed() == {"small": "1.0", "large": "1.0"}
    check_records(root)


def test_a_cache_that_cannot_be_written(root, cache):
    wrap = ["unshare", "-m", "sh", "-c", f'mount --bind {cache} {cache} && mount -o remount,ro,bind {cache} && exec "$@"', "sh"]
    done = root.run("cache", "clean", wrap=wrap)
    assert done.status == 3 and "Read-only file system" in done.err and done.err.count("\n") == 1, done
    assert root.run("cache", "size", wrap=wrap).status == 0


@pytest.mark.parametrize("words", [(), ("tidy",), ("dir", "size")])
def test_usage(root, words):
    done = root.run("cache", *words)
    assert done.status == 2 and "dir, size, prune and clean" in done.err, done
