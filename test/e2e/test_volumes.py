# SPDX-License-Identifier: Apache-2.0
"""Volumes that lack something: a first sync, an update and a removal work all the same, and the next boot has nothing to do; or one
sentence says what is wrong with the volume, and the venv stays as it was."""

import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess

import pytest

from checks import check_records, demo_set, leftovers
from conftest import LONG
from fault_server import Answer, FaultServer, Gate, page
from volumes import Life, Mounted, settled
from wheels import metadata_text, wheel_bytes, wheel_filename

PROTECTED_LINKS = pathlib.Path("/proc/sys/fs/protected_hardlinks").read_text() == "1\n"

needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="no strace")


def inject(*faults, path=None):
    """A prefix that gives system calls other results, as strace has it: CALL:error=ERRNO, CALL:retval=0."""
    options = [f"--inject={fault}" for fault in faults]
    calls = ",".join(fault.split(":")[0] for fault in faults)
    return ["strace", "-f", "--seccomp-bpf", "-qq", "-o", os.devnull, f"--trace={calls}", *(["-P", path] if path else []), *options]


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


# ---- real file systems, in mount namespaces of their own

@pytest.mark.parametrize("options", ["", "noexec"])
def test_tmpfs(root, index, mounts, options):
    mounts.mount("-t", "tmpfs", "-o", options or "rw", "none", root.volume)
    assert Mounted(root, index, mounts, program=not options).live() == [[], [], []]


def test_ext4_on_a_loop_device(root, index, mounts, tmp_path):
    image = tmp_path / "image"
    subprocess.run(["truncate", "-s", "64M", image], check=True)
    subprocess.run(["/sbin/mkfs.ext4", "-q", image], check=True)
    mounts.mount("-o", "loop", image, root.volume)
    assert Mounted(root, index, mounts).live() == [[], [], []]


@pytest.mark.parametrize("kind", ["bind", "tmpfs"])
def test_a_venv_that_is_a_mount_point(root, index, mounts, kind):
    root.venv.mkdir(parents=True)
    mounts.mount(*(["--bind", root.venv] if kind == "bind" else ["-t", "tmpfs", "none"]), root.venv)
    assert Mounted(root, index, mounts).live() == [[], [], []]


@pytest.mark.parametrize("baked", [False, True])
def test_overlay(root, index, mounts, tmp_path, baked):
    """baked: the venv of an image lies in the lower layer."""
    if baked:
        demo_set(index)
        root.sync(EXTENSION_AUTO_INSTALL="typed")
    layers = tmp_path / "layers"
    layers.mkdir()
    mounts.mount("-t", "tmpfs", "none", layers)  # the test's own folder may be on an overlay, which is no upper layer
    subprocess.run([*mounts.prefix, "mkdir", layers / "upper", layers / "work"], check=True)
    mounts.mount("-t", "overlay", "-o", f"lowerdir={root.volume},upperdir={layers}/upper,workdir={layers}/work", "overlay", root.volume)
    assert Mounted(root, index, mounts).live() == [[], [], []]


# ---- volumes that cannot be written, or no more

@pytest.mark.parametrize("kind", ["full", "no inodes"])
def test_without_room(root, index, mounts, kind):
    """The old venv stays; with room again the next boot does what was asked for."""
    few = [f"lots/m{i}.py" for i in range(2000)]
    index.add("lots", "1.0", files={name: "" for name in few} if kind == "no inodes" else {"lots.py": "", "lots.bin": os.urandom(4 << 20)})
    mounts.mount("-t", "tmpfs", "-o", "size=3m" if kind == "full" else "nr_inodes=600", "none", root.volume)
    life = Mounted(root, index, mounts)
    old = {"viewer": "1.0"}
    life.boot("viewer", old)
    done = root.boot("/bin/echo", "booted", env={"EXTENSION_AUTO_INSTALL": "viewer,lots"}, wrap=mounts.prefix)
    assert (done.status, done.out) == (0, "booted\n") and "No space left on device" in done.err, done
    life.check(old, done)
    mounts.mount("-o", "remount,size=64m,nr_inodes=0", root.volume)
    life.boot("viewer,lots", {"viewer": "1.0", "lots": "1.0"})


@pytest.mark.parametrize("large", ["the download", "what is unpacked", "what is staged"])
def test_over_quota(root, index, mounts, tmp_path, large):
    """The old venv stays, one sentence says why, and with room again the next sync does what was asked for."""
    image, limit = tmp_path / "image", 8 << 20
    with open(image, "wb") as f:
        f.truncate(128 << 20)
    subprocess.run(["/sbin/mkfs.btrfs", "-q", image], check=True, capture_output=True)
    mounts.mount("-o", "loop", image, root.volume)

    def btrfs(*args):
        subprocess.run([*mounts.prefix, "btrfs", "-q", *args, root.volume], check=True)

    btrfs("quota", "enable")
    btrfs("qgroup", "limit", str(limit))
    index.add("lots", "1.0", files={"lots.bin": os.urandom(limit) if large == "the download" else bytes(2 * limit)})
    if large == "what is staged":
        root.env["EXTENSION_CACHE_DIR"] = str(tmp_path / "cache")
    life = Mounted(root, index, mounts)
    life.boot("viewer", {"viewer": "1.0"})
    done = root.run("sync", env={"EXTENSION_AUTO_INSTALL": "viewer,lots"}, wrap=mounts.prefix)
    assert done.status == 3, done
    assert len(re.findall("error: .*Disk quota exceeded", done.err)) == done.err.count("error: ") == 1, done
    settled(root, "viewer", mounts.prefix)
    life.check({"viewer": "1.0"}, done)
    btrfs("qgroup", "limit", "none")
    life.boot("viewer,lots", {"viewer": "1.0", "lots": "1.0"})


@pytest.mark.parametrize("fault, reason", [
    # Nobody says how large it is: it is given up before the volume is full, and is the only one to go.
    ({"endless": b"x" * 65536}, r"nobody says how large it is, \d+ MiB of it have come, and the volume for it has room for \d MiB more"),
    # More than there can be of anything.
    ({"endless": b"x" * 65536, "length": 1 << 50}, "is larger than 16 GiB"),
    ({"size": 1 << 50}, "is to be 1048576 GiB large, which is more than can be right"),
])
def test_a_file_without_end_does_not_fill_the_volume(root, index, mounts, fault, reason):
    mounts.mount("-t", "tmpfs", "-o", "size=100m", "none", root.volume)
    demo_set(index)
    size = {"size": fault.pop("size")} if "size" in fault else {}
    with FaultServer() as server:
        file = wheel_filename("endless", "1")
        server.add("/simple/endless/", page([{"filename": file, "url": f"/files/{file}", "hashes": {}, "core-metadata": True, **size}]))
        server.add(f"/files/{file}.metadata", Answer(body=metadata_text("endless", "1").encode()))
        server.add(f"/files/{file}", Answer(**fault))
        done = root.boot("/bin/echo", "booted", wrap=mounts.prefix,
                         env={"EXTENSION_AUTO_INSTALL": "endless,viewer", "PIP_EXTRA_INDEX_URL": f"{server.url}/simple/"})
        assert (done.status, done.out) == (0, "booted\n"), done
        assert re.search(r"endless \(EXTENSION_AUTO_INSTALL\) is set aside: .*" + reason, done.err), done
    volume = os.statvfs(mounts.sees(root.volume))
    assert volume.f_bfree > 0.9 * volume.f_blocks
    assert (mounts.sees(root.venv) / "bin/python").exists() and "viewer" in str(os.listdir(mounts.sees(root.site)))


def test_what_is_larger_than_the_room_for_it_is_not_begun(root, index, mounts):
    """As where the disk is full, but nothing is written before."""
    mounts.mount("-t", "tmpfs", "-o", "size=20m", "none", root.volume)
    with FaultServer() as server:
        file = wheel_filename("vast", "1")
        server.add("/simple/vast/", page([{"filename": file, "url": f"/files/{file}", "hashes": {}, "core-metadata": True}]))
        server.add(f"/files/{file}.metadata", Answer(body=metadata_text("vast", "1").encode()))
        server.add(f"/files/{file}", Answer(body=b"x", length=50 << 20))
        done = root.run("sync", wrap=mounts.prefix, env={"EXTENSION_AUTO_INSTALL": "vast", "PIP_INDEX_URL": f"{server.url}/simple/"})
    assert done.status == 3 and re.search(rf"{re.escape(file)} is 50 MiB large, and the volume for it has room for 1\d MiB", done.err), done
    assert not mounts.sees(root.venv).exists()


def test_read_only(root, index, mounts):
    """The boot goes on with the venv that there is: with nothing to do not a word, else one that says what to do."""
    mounts.mount("-t", "tmpfs", "none", root.volume)
    life = Mounted(root, index, mounts)
    life.boot("viewer", {"viewer": "1.0"})
    mounts.mount("-o", "remount,ro", root.volume)
    settled(root, "viewer", mounts.prefix)
    done = root.boot("/bin/echo", "booted", env={"EXTENSION_AUTO_INSTALL": "viewer,typed"}, wrap=mounts.prefix)
    assert (done.status, done.out) == (0, "booted\n") and len(re.findall("extensions: error: .*mount it writable", done.err)) == 1, done
    life.check({"viewer": "1.0"}, done)
    mounts.mount("-o", "remount,rw", root.volume)
    life.boot("viewer,typed", {"viewer": "1.0", "typed": "0.3", "lib-one": "2.5"})


# ---- a volume of somebody else's

def as_user(uid):
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--"]


@pytest.fixture
def shared(root, index, tmp_path):
    """A root that any user can reach, with a HOME and TMPDIR for all."""
    if os.geteuid() != 0:
        pytest.skip("works as several users")
    for folder in (tmp_path, *tmp_path.parents):  # another run of pytest may have closed one of them again
        if not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(0o755)
    for place in (root.env["HOME"], root.volume):
        os.chmod(place, 0o777)
    demo_set(index)
    return root


def test_a_plain_user_over_a_venv_of_roots(shared):
    """Root synced once (docker exec -u root): what the user asks for next is refused with one sentence, and nothing is half done."""
    root, user = shared, as_user(1234)
    first = root.boot("/bin/true", env={"EXTENSION_AUTO_INSTALL": "viewer"}, wrap=user)
    assert root.installed() == {"viewer": "1.0"}, first
    root.sync(EXTENSION_AUTO_INSTALL="viewer,lib-one")
    assert root.venv.stat().st_uid == 0
    settled(root, "viewer,lib-one", user)
    for _ in range(2):
        done = root.boot("/bin/echo", "booted", env={"EXTENSION_AUTO_INSTALL": "viewer,typed"}, wrap=user)
        assert (done.status, done.out) == (0, "booted\n"), done
        assert re.search("belongs to user 0.*run .* as user 0.*chown", done.err), done
        assert root.installed() == {"viewer": "1.0", "lib-one": "2.5"} and leftovers(root) == []
        check_records(root)
    subprocess.run(["chown", "-R", "1234", root.volume], check=True)
    done = root.boot("/bin/true", env={"EXTENSION_AUTO_INSTALL": "viewer,typed"}, wrap=user)
    assert "error: " not in done.err and root.installed() == {"viewer": "1.0", "typed": "0.3", "lib-one": "2.5"}, done
    settled(root, "viewer,typed", user)


def test_a_plain_user_over_what_root_installed(shared, index):
    """By pip, in the user's venv: it could not be removed with the old venv."""
    root, user = shared, as_user(1234)
    index.add("hand", "1.0")
    root.boot("/bin/true", env={"EXTENSION_AUTO_INSTALL": "viewer"}, wrap=user)
    root.pip("install", "--index-url", index.server.url, "hand")
    for _ in range(2):
        done = root.boot("/bin/echo", "booted", env={"EXTENSION_AUTO_INSTALL": "viewer,typed"}, wrap=user)
        assert (done.status, done.out) == (0, "booted\n"), done
        assert re.search(f"{root.site}/hand.* belongs to user 0.*run .* as user 0.*chown -R 1234 {root.extensions}`", done.err), done
        assert root.installed() == {"viewer": "1.0", "hand": "1.0"} and leftovers(root) == []
    subprocess.run(["chown", "-R", "1234", root.extensions], check=True)
    done = root.boot("/bin/true", env={"EXTENSION_AUTO_INSTALL": "viewer,typed"}, wrap=user)
    assert "error: " not in done.err and "warning: " not in done.err, done
    assert root.installed() == {"viewer": "1.0", "hand": "1.0", "typed": "0.3", "lib-one": "2.5"}
    settled(root, "viewer,typed", user)


def test_a_plain_user_with_a_cache_of_roots(shared, index, tmp_path):
    """Where the kernel protects files from links by others (fs.protected_hardlinks) they are copied."""
    root = shared
    root.env["EXTENSION_CACHE_DIR"] = str(tmp_path / "cache")
    root.sync(EXTENSION_AUTO_INSTALL="viewer")
    shutil.rmtree(root.extensions)
    root.volume.joinpath("lib").chmod(0o777)
    done = root.boot("/bin/true", env={"EXTENSION_AUTO_INSTALL": "viewer"}, wrap=as_user(1234))
    assert "error: " not in done.err and root.installed() == {"viewer": "1.0"}, done
    assert {p.stat().st_uid for p in root.site.rglob("*.py")} <= ({1234} if PROTECTED_LINKS else {0, 1234})
    check_records(root)
    settled(root, "viewer", as_user(1234))


# ---- somebody's bin/pip in the middle of a sync

def start_sync(root, wanted, wrap=(), **options):
    return subprocess.Popen([*map(str, wrap), *root.command("sync")], env=root.environment({"EXTENSION_AUTO_INSTALL": wanted}),
                            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options)


def test_pip_while_a_wheel_comes(root, index):
    demo_set(index)
    for name, version in (("hand", "1.0"), ("lib-one", "2.6"), ("lib-one", "2.7")):
        index.add(name, version)
    root.sync(EXTENSION_AUTO_INSTALL="typed,lib-one==2.5")
    gate = Gate()
    with FaultServer() as server:
        name = wheel_filename("slow", "1.0")
        server.add(f"/{name}", Answer(body=wheel_bytes("slow", "1.0"), gate=gate))
        run = start_sync(root, f"typed,lib-one<2.7,lib-one>=2.6,slow @ {server.url}/{name}")
        assert gate.half.wait(LONG)
        root.pip("install", "--index-url", index.server.url, "hand", "lib-one==2.7")
        gate.open.set()
        said = run.communicate(timeout=LONG)[1]
    assert run.returncode == 0, said
    assert root.installed() == {"typed": "0.3", "lib-one": "2.6", "hand": "1.0", "slow": "1.0"}, said
    assert len(list(root.site.glob("lib_one-*.dist-info"))) == 1, said
    assert root.localstack_sees("import lib_one; print(lib_one.version)") == "2.6"
    check_records(root)
    assert leftovers(root) == []


def disturbed_at_each_switch(root, index, wanted, names):
    """Stops a sync whenever the next venv has come to disk, and lets pip install one of the names before it goes on."""
    reader, writer = os.pipe()
    run = start_sync(root, wanted, ["strace", "-f", "-qq", "-o", f"/dev/fd/{writer}", "--trace=syncfs",
                                    "--inject=syncfs:signal=SIGSTOP"], pass_fds=[writer])
    os.close(writer)
    left = list(names)
    with open(reader, encoding="utf-8") as events:
        for line in events:
            if "stopped by SIGSTOP" not in line:
                continue
            if left:
                root.pip("install", "--index-url", index.server.url, left.pop(0))
            os.kill(int(line.split()[0]), signal.SIGCONT)
    said = run.communicate(timeout=LONG)[1]
    assert not left, said
    return run.returncode, said


@needs_strace
@pytest.mark.parametrize("times", [1, 2, 3])
def test_pip_right_before_the_switch(root, index, times):
    demo_set(index)
    hands = [f"hand{i}" for i in range(times)]
    for name in hands:
        index.add(name, "1.0")
    root.sync(EXTENSION_AUTO_INSTALL="viewer")
    status, said = disturbed_at_each_switch(root, index, "viewer,typed", hands)
    assert said.count("somebody else changed the extensions' venv") == times, said
    installed = {"viewer": "1.0", **dict.fromkeys(hands, "1.0")}
    if times == 3:
        assert status == 3 and "each of 3 times; the venv is left as it is" in said, said
    else:
        assert status == 0, said
        installed.update({"typed": "0.3", "lib-one": "2.5"})
    assert root.installed() == installed, said
    check_records(root)
    assert leftovers(root) == []
