# SPDX-License-Identifier: Apache-2.0
"""The extensions venv, through test/tools/venv.c ($BUILD_DIR/tools/venv): what is made is compared with what Python
itself makes, pip is run in it, and a commit is killed before every single system call that changes the file system."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

TOOL = Path(os.environ.get("BUILD_DIR", "build")).resolve() / "tools" / "venv"
LONG = 120  # seconds after which a test has failed
STAGING = ".localstack-extensions.staging"
SHORT = "python%d.%d" % sys.version_info[:2]
SITE = f"lib/{SHORT}/site-packages"
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/nonexistent",
    "PIP_NO_INDEX": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_CONFIG_FILE": "/dev/null",
    # Neither works under ptrace.
    "ASAN_OPTIONS": "detect_leaks=0",
    "LSAN_OPTIONS": "detect_leaks=0",
}


def run(*command, check=True, **more):
    done = subprocess.run(
        [str(c) for c in command], capture_output=True, text=True, timeout=LONG, env=ENVIRONMENT, **more
    )
    if check:
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def tool(*arguments):
    return run(TOOL, *arguments).stdout


def wheel(folder, name, version="1.0", requires=()):
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": metadata + "".join(f"Requires-Dist: {r}\n" for r in requires),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name}-cli = {name}:main\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{f},,\n" for f in files) + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in files.items():
            archive.writestr(file, content)
    return path


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    run(sys.executable, "-I", "-m", "venv", folder / "venv")
    run(folder / "venv/bin/pip", "install", wheel(folder, "basedist"))
    return folder / "venv"


def make(folder, base, number=1):
    folder.mkdir(parents=True)
    tool("create", folder, folder, base, number)
    return folder


# ---- the interpreter

ASK = """
import json, os, platform, sys, sysconfig
from pip._internal.cli import cmdoptions
import pip
glibc = platform.libc_ver()[1]
print(json.dumps({
    "implementation_name": sys.implementation.name, "os_name": os.name,
    "platform_machine": platform.machine(), "platform_release": platform.release(),
    "platform_system": platform.system(), "platform_version": platform.version(),
    "python_full_version": platform.python_version(), "version": platform.python_version(),
    "implementation_version": platform.python_version(),
    "platform_python_implementation": platform.python_implementation(),
    "python_version": ".".join(platform.python_version_tuple()[:2]), "sys_platform": sys.platform,
    "soabi": sysconfig.get_config_var("SOABI"), "platform": sysconfig.get_platform(), "glibc": glibc,
    "is_64bit": str(int(sys.maxsize > 2**32)), "debug": str(int(bool(sysconfig.get_config_var("Py_DEBUG")))),
    "free_threaded": str(int(bool(sysconfig.get_config_var("Py_GIL_DISABLED")))),
    "site_packages": os.path.relpath(sysconfig.get_path("purelib"), sys.prefix),
    "base_executable": os.path.realpath(sys._base_executable),
    "pip_version": pip.__version__, "pip_index_url": cmdoptions.index_url().default,
}))
"""


def test_interpreter_answers_as_python_does(base):
    ours, several = {}, {}
    for line in tool("interpreter", base).splitlines():
        key, _, value = line.partition("\t")
        ours[key] = value
        several.setdefault(key, []).append(value)
    theirs = json.loads(run(base / "bin/python3", "-I", "-c", ASK).stdout)
    assert {k: ours.get(k) for k in theirs} == theirs
    path = json.loads(run(base / "bin/python3", "-I", "-c", "import sys, json; print(json.dumps(sys.path))").stdout)
    assert several["stdlib"] + several["path"] == path
    assert several["path"] == [str(base / SITE)]
    assert ours["executable"] == str(base / "bin/python3")


# ---- the layout


def entries(folder, *leave):
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_symlink() or p.exists()}
    return {n for n in names if not n.startswith(leave) and "__pycache__" not in n}


def test_layout_is_that_of_python_m_venv(base, tmp_path):
    run(base / "bin/python", "-I", "-m", "venv", tmp_path / "theirs")
    ours, theirs = make(tmp_path / "ours", base), tmp_path / "theirs"
    packages = (f"{SITE}/pip", f"{SITE}/setuptools", f"{SITE}/pkg_resources", f"{SITE}/_distutils")
    headers = ("include/", "lib64/")
    expected = entries(theirs, *packages, f"{SITE}/distutils-precedence.pth", *headers)
    expected |= {f"{SITE}/localstack-venv.pth", ".gitignore"}
    assert entries(ours, *headers) == expected
    for name in ("lib64", "bin/python", "bin/python3", f"bin/{SHORT}"):
        assert os.path.realpath(ours / name) == os.path.realpath(theirs / name).replace(str(theirs), str(ours))
    keys = [dict(line.split(" = ", 1) for line in (v / "pyvenv.cfg").read_text().splitlines()) for v in (ours, theirs)]
    for key in ("home", "include-system-site-packages", "version"):
        assert keys[0][key] == keys[1][key]
    assert keys[0]["localstack-sync"] == "1"


def test_python_and_pip_work_in_it(base, tmp_path):
    venv = make(tmp_path / "a venv's folder", base)
    said = run(venv / "bin/python", "-c", "import sys, basedist; print(sys.prefix, basedist.__file__)").stdout
    assert said == f"{venv} {base / SITE / 'basedist.py'}\n"
    for pip in ("pip", "pip3", "pip%d.%d" % sys.version_info[:2]):
        assert str(base / SITE) in run(venv / "bin" / pip, "--version").stdout
    run(venv / "bin/pip", "install", wheel(tmp_path, "byhand", requires=["basedist"]))
    assert run(venv / "bin/python", "-c", "import byhand; print(byhand.__file__)").stdout.startswith(str(venv))
    assert (venv / "bin/byhand-cli").exists()
    assert "No broken requirements" in run(venv / "bin/pip", "check").stdout
    assert tool("check", venv, base) == "keep\n"
    run(venv / "bin/pip", "uninstall", "-y", "byhand")
    assert not (venv / "bin/byhand-cli").exists()


def test_first_import_does_not_change_site_packages(base, tmp_path):
    venv = make(tmp_path / "venv", base)
    (venv / SITE / "module.py").write_text("")
    before = os.stat(venv / SITE).st_mtime_ns
    run(venv / "bin/python", "-c", "import module")
    assert list((venv / SITE / "__pycache__").glob("module.*.pyc"))
    assert os.stat(venv / SITE).st_mtime_ns == before


SH = """
before=$PATH; PYTHONHOME=/x; export PYTHONHOME; PS1='$ '
. '{quoted}/bin/activate'
echo "$VIRTUAL_ENV|$VIRTUAL_ENV_PROMPT|${{PYTHONHOME-unset}}|$PS1"; command -v pip
. '{quoted}/bin/activate'
deactivate
echo "${{VIRTUAL_ENV-unset}}|$PYTHONHOME|$PS1"; [ "$PATH" = "$before" ] && echo same
"""


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh"])
@pytest.mark.parametrize("options", [(), ("-u", "-e")])
def test_activation_in_sh(base, tmp_path, shell, options):
    if not shutil.which(shell):
        pytest.skip(f"no {shell}")
    venv = make(tmp_path / "it's", base)
    done = run(shell, *options, "-c", SH.format(quoted=str(venv).replace("'", "'\\''")))
    assert done.stdout.splitlines() == [
        f"{venv}|it's|unset|(it's) $ ",
        f"{venv}/bin/pip",
        "unset|/x|$ ",
        "same",
    ]


def test_activation_in_fish_and_csh(base, tmp_path):
    venv = make(tmp_path / "venv", base)
    for shell, suffix in (("fish", ".fish"), ("tcsh", ".csh"), ("csh", ".csh")):
        if shutil.which(shell):
            said = run(shell, "-c", f"source {venv}/bin/activate{suffix}; echo $VIRTUAL_ENV; which pip; deactivate; which sh")
            assert said.stdout.splitlines()[:2] == [str(venv), f"{venv}/bin/pip"]


def test_base_without_pip_gets_ensurepips(tmp_path):
    run(sys.executable, "-I", "-m", "venv", "--without-pip", tmp_path / "base")
    venv = make(tmp_path / "venv", tmp_path / "base")
    assert str(venv / SITE) in run(venv / "bin/pip", "--version").stdout
    run(venv / "bin/pip", "install", wheel(tmp_path, "byhand"))
    assert str(tmp_path / "base") not in (venv / "bin/pip").read_text()
    assert tool("check", venv, tmp_path / "base") == "keep\n"


# ---- what is kept


def test_venv_of_the_installer_of_today_is_kept(base, tmp_path):
    venv = tmp_path / "venv"
    run(base / "bin/python", "-m", "venv", venv)
    assert "localstack-venv.pth is missing" in tool("check", venv, base)
    (venv / SITE / "localstack-venv.pth").write_text(str(base / SITE))
    assert tool("check", venv, base) == "keep\n"
    shutil.rmtree(venv / "lib")
    assert "never finished" in tool("check", venv, base)


def test_moved_venv_is_not_kept(base, tmp_path):
    make(tmp_path / "venv", base)
    os.rename(tmp_path / "venv", tmp_path / "moved")
    assert "names another path than its own" in tool("check", tmp_path / "moved", base)


def test_what_pip_installed_by_hand_survives_staging(base, tmp_path):
    extensions = tmp_path / "extensions"
    venv = make(extensions / "python_venv", base)
    for name in ("stays", "goes"):
        run(venv / "bin/pip", "install", wheel(tmp_path, name))
    run(venv / "bin/python", "-c", "import stays, goes")
    tool("stage", extensions, venv, base, 2, "goes")
    tool("switch", extensions, venv, SITE, 2)
    assert sorted(os.listdir(extensions)) == ["python_venv"]
    run(venv / "bin/python", "-c", "import stays")
    assert run(venv / "bin/python", "-c", "import goes", check=False).returncode == 1
    left = [n for n in entries(venv) if "goes" in n] + [p.name for p in venv.rglob("goes*")]
    assert left == []
    assert "stays" in run(venv / "bin/pip", "list").stdout
    assert tool("check", venv, base) == "keep\n"


# ---- one writer


def test_second_writer_waits_and_says_for_whom(tmp_path):
    first = subprocess.Popen([TOOL, "lock", tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert first.stdout.readline() == "locked\n"
    second = subprocess.Popen(
        [TOOL, "lock", tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    waiting = second.stderr.readline()
    assert "waiting for another sync" in waiting and f"process {first.pid}," in waiting
    first.communicate("")
    assert second.stdout.readline() == "locked\n"
    second.communicate("")
    assert (first.returncode, second.returncode) == (0, 0)


def test_lock_that_was_removed_meanwhile_is_taken_again(tmp_path):
    first = subprocess.Popen([TOOL, "lock", tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert first.stdout.readline() == "locked\n"
    second = subprocess.Popen(
        [TOOL, "lock", tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert "waiting" in second.stderr.readline()
    os.unlink(tmp_path / ".localstack-extensions.lock")
    first.communicate("")
    assert second.stdout.readline() == "locked\n"
    assert f" {second.pid} " in (tmp_path / ".localstack-extensions.lock").read_text()
    second.communicate("")


# ---- all or nothing: killed before each system call that changes the file system

CALLS = (
    "rename renameat renameat2 unlink unlinkat rmdir mkdir mkdirat link linkat symlink symlinkat write pwrite64 "
    "fsync syncfs ftruncate fchmod utimensat copy_file_range ioctl"
).split()


def fill(folder, number, word):
    """A venv in small: what both have, what only one has, folders against files, links."""
    files = {
        "pyvenv.cfg": f"localstack-sync = {number}\n",
        "bin/both": word,
        f"bin/only-{word}": word,
        f"{SITE}/{word}.py": word,
        f"{SITE}/{word}-1.dist-info/RECORD": word,
        f"only-{word}/a/b": word,
        "thing" if word == "old" else "thing/inside": word,
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    os.symlink("lib", folder / "lib64")
    os.symlink(f"/{word}", folder / "link")


def tree(folder):
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        found[name] = os.readlink(path) if path.is_symlink() else path.is_file() and path.read_text()
    return found


class Volume:
    """An extensions folder on an ordinary volume, with a venv in it or none."""

    def __init__(self, folder, old=True):
        self.folder, self.old = folder, old
        self.extensions = folder / "extensions"

    @property
    def venv(self):
        return self.extensions / "python_venv"

    def open(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.extensions.mkdir(parents=True)
        if self.old:
            self.venv.mkdir()
            fill(self.venv, 1, "old")

    def close(self):
        pass


class MountPoint(Volume):
    """The venv is a mount point: of the same file system (bind), or of another one (tmpfs)."""

    def __init__(self, folder, kind):
        super().__init__(folder)
        self.kind = kind

    def open(self):
        super().open()
        if self.kind == "bind":
            run("mount", "--bind", self.venv, self.venv)
        else:
            run("mount", "-t", "tmpfs", "none", self.venv)
            fill(self.venv, 1, "old")

    def close(self):
        run("umount", self.venv)


class Overlay(Volume):
    """The venv is baked into an image: it lies in a lower layer."""

    def open(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("lower/python_venv", "upper", "work", "merged"):
            (self.folder / name).mkdir(parents=True)
        fill(self.folder / "lower/python_venv", 1, "old")
        self.extensions = self.folder / "merged"
        layers = ",".join(f"{k}dir={self.folder / k}" for k in ("lower", "upper", "work"))
        run("mount", "-t", "overlay", "-o", layers + ",redirect_dir=off", "overlay", self.extensions)

    def close(self):
        run("umount", self.extensions)


def stage_new(volume):
    staged = volume.extensions / STAGING / "venv"
    staged.mkdir(parents=True)
    fill(staged, 2, "new")
    return tree(staged)


def count_calls(volume, inject):
    """How often a switch that nobody disturbs makes each of the calls; the new venv is there after it."""
    log = volume.folder.parent / "strace"
    volume.open()
    try:
        new = stage_new(volume)
        traced = ",".join(c for c in CALLS if not any(i.startswith(f"--inject={c}:") for i in inject))
        run(
            "strace", "-f", "-o", log, f"--trace=?{traced.replace(',', ',?')},?renameat2", *inject,
            TOOL, "switch", volume.extensions, volume.venv, SITE, 2,
        )  # fmt: skip
        assert tree(volume.venv) == new
        assert os.listdir(volume.extensions) == ["python_venv"]
    finally:
        volume.close()
    names = re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.MULTILINE)
    return {c: names.count(c) for c in traced.split(",") if c in names}


def killed(volume, call, nth, inject):
    """Switches, killed before the nth such call (counted from 1); whether it came so far."""
    injections = [f"--inject={call}:signal=SIGKILL:when={nth}", *inject]
    done = run(
        "strace", "-f", "-o", "/dev/null", f"--trace={call},?renameat2", *injections,
        TOOL, "switch", volume.extensions, volume.venv, SITE, 2, check=False,
    )  # fmt: skip
    assert done.returncode in (0, -9, 137), done.stderr
    return done.returncode != 0


def kill_everywhere(volume, expected_way, inject=()):
    outcomes = {"old": 0, "new": 0}
    way_seen = False
    for call, count in count_calls(volume, inject).items():
        for nth in range(1, count + 1):
            volume.open()
            try:
                stage_new(volume)
                trees = {"new": tree(volume.extensions / STAGING / "venv")}
                trees["old"] = tree(volume.venv) if volume.old else None
                was_killed = killed(volume, call, nth, inject)
                record = volume.extensions / ".localstack-extensions.commit"
                way_seen = way_seen or (record.exists() and f"\nway {expected_way}\n" in record.read_text())
                tool("recover", volume.extensions, volume.venv)
                now = tree(volume.venv) if volume.venv.exists() else None
                where = f"{expected_way}: {call} {nth}"
                assert now in trees.values(), f"{where}: neither the old nor the new venv: {now}"
                outcome = "new" if now == trees["new"] else "old"
                assert was_killed, where
                left = sorted(os.listdir(volume.extensions))
                assert left == (["python_venv"] if now else []), f"{where}: {left}"
                assert tool("recover", volume.extensions, volume.venv) == "nothing\n", where
            finally:
                volume.close()
            outcomes[outcome] += 1
    assert way_seen, f"{expected_way} was never the way"
    assert min(outcomes.values()) > 3, outcomes


@pytest.fixture
def volatile():
    """In memory, where there is one: thousands of syncs take their time on a disk."""
    folder = tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    yield Path(folder)
    shutil.rmtree(folder)


needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="no strace")


@needs_strace
def test_kill_first_venv(volatile):
    kill_everywhere(Volume(volatile / "v", old=False), "rename")


@needs_strace
def test_kill_exchange(volatile):
    kill_everywhere(Volume(volatile / "v"), "exchange")


@needs_strace
def test_kill_aside(volatile):
    kill_everywhere(Volume(volatile / "v"), "aside", ["--inject=renameat2:error=EINVAL"])


def in_namespace(code, folder):
    if os.geteuid() != 0:
        pytest.skip("not root")
    if run("unshare", "-m", "true", check=False).returncode != 0:
        pytest.skip("no mount namespaces")
    source = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); from test_venv import *; {code}"
    done = subprocess.run(
        ["unshare", "-m", "--propagation", "private", sys.executable, "-c", source, folder],
        capture_output=True,
        text=True,
        timeout=LONG * 10,
    )
    if "mount: " in done.stderr and ("permission denied" in done.stderr or "wrong fs type" in done.stderr):
        pytest.skip("mounts are refused here")
    assert done.returncode == 0, done.stderr


@needs_strace
@pytest.mark.parametrize("kind", ["bind", "tmpfs"])
def test_kill_replace_in_a_mount_point(volatile, kind):
    in_namespace(f"kill_everywhere(MountPoint(Path(sys.argv[1]), {kind!r}), 'replace')", volatile / "v")


@needs_strace
def test_kill_replace_in_a_lower_layer(volatile):
    in_namespace("kill_everywhere(Overlay(Path(sys.argv[1])), 'replace')", volatile / "v")


def test_exchange_that_lies_is_not_used(volatile):
    """renameat2 that answers 0 and does nothing, as virtiofs has been seen to."""
    volume = Volume(volatile / "v")
    volume.open()
    new = stage_new(volume)
    run(
        "strace", "-f", "-o", "/dev/null", "--trace=renameat2", "--inject=renameat2:retval=0",
        TOOL, "switch", volume.extensions, volume.venv, SITE, 2,
    )  # fmt: skip
    assert tree(volume.venv) == new


def test_full_disk_leaves_the_old_or_a_record(volatile):
    """In a mount point without room for the new venv: said, finished by the next run once there is room."""
    code = """
folder = Path(sys.argv[1]); volume = MountPoint(folder, 'bind'); volume.open(); volume.close()
run('mount', '-t', 'tmpfs', '-o', 'size=256k', 'none', volume.venv); fill(volume.venv, 1, 'old')
staged = volume.extensions / STAGING / 'venv'; staged.mkdir(parents=True); fill(staged, 2, 'new')
(staged / SITE / 'large').write_text('x' * 1000000); new = tree(staged)
done = run(TOOL, 'switch', volume.extensions, volume.venv, SITE, 2, check=False)
assert done.returncode == 1 and 'No space left on device' in done.stderr, done
run('mount', '-o', 'remount,size=8m', volume.venv)
assert tool('recover', volume.extensions, volume.venv) == 'finished\\n'
assert tree(volume.venv) == new; assert os.listdir(volume.extensions) == ['python_venv']
"""
    in_namespace(f"exec({code!r})", volatile / "v")
