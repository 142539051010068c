# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the end-to-end tests: the programs as built, roots with a base in them, indexes that real servers
serve. $BUILD_DIR names the folder with the programs; TEST_PIP_* lead to the real package index."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from developers import Developer
from emulated import runnable
from figures import *  # noqa: F403
from mounts import Mounts
from real_index import real_index
from servers import Devpi, Nginx, Pypiserver, StaticIndex
from wheels import make_wheel

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD_DIR", "build")).resolve()
LONG = 120  # seconds after which a run has failed
SANITIZED = BUILD.joinpath("localstack-entrypoint").exists() and (
    b"__asan_init" in BUILD.joinpath("localstack-entrypoint").read_bytes())

# The base of the small roots: what an extension may lean on, and what it may collide with.
BASE = (
    ("localstack-core", "4.12.0", ["typing-extensions>=4", "werkzeug[watchdog]<4"], {
        "localstack/runtime/__init__.py": "",
        "localstack/runtime/init.py": "import sys\nprint('hooks', *sys.argv[1:])\n",
    }),
    ("typing-extensions", "4.15.0", [], {"typing_extensions.py": "version = '4.15.0'\n"}),
    ("werkzeug", "3.1.6", ["markupsafe>=2", 'watchlog>=2 ; extra == "watchdog"'], None),
    ("markupsafe", "3.0.3", [], None),
    ("localstack-twisted", "25.5.0", [], {"twisted/__init__.py": "who = 'base'\n"}),
)


class Programs:
    def __init__(self, folder):
        self.folder = folder
        self.entrypoint = folder / "localstack-entrypoint"
        self.extensions = folder / "localstack-extensions"
        self.sanitized = SANITIZED


def rewrite(folder, old, new):
    """A venv is not relocatable: every text of its bin and its pyvenv.cfg that names the old place is written anew
    (into a new file: the old one may be a hard link)."""
    for path in [folder / "pyvenv.cfg", *folder.joinpath("bin").iterdir()]:
        if path.is_symlink() or not path.is_file():
            continue
        data = path.read_bytes()
        if old.encode() in data:
            mode = path.stat().st_mode
            path.unlink()
            path.write_bytes(data.replace(old.encode(), new.encode()))
            path.chmod(mode)


def copy_venv(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    if subprocess.run(["cp", "-al", source, target], stderr=subprocess.DEVNULL).returncode != 0:
        shutil.rmtree(target, ignore_errors=True)
        subprocess.run(["cp", "-a", source, target], check=True)
    rewrite(target, str(source), str(target))


def make_small_base(folder, wheels, python):
    """A venv with pip and a handful of distributions, offline."""
    env = {"PATH": "/usr/bin:/bin", "HOME": str(folder.parent), "PIP_CONFIG_FILE": "/dev/null"}
    subprocess.run([python, "-m", "venv", folder], check=True, env=env, timeout=LONG)
    made = [make_wheel(wheels, name, version, requires, files) for name, version, requires, files in BASE]
    subprocess.run([folder / "bin/python3", "-m", "pip", "install", "-q", "--no-index", "--no-deps",
                    "--disable-pip-version-check", *made], check=True, env=env, timeout=LONG)
    supervisor = folder / "bin/localstack-supervisor"
    supervisor.write_text(f"#!{folder}/bin/python3\nimport os, sys\n"
                          "print('supervisor', os.getcwd(), flush=True)\n"
                          "sys.exit(int(os.environ.get('SUPERVISOR_STATUS', '0')))\n")
    supervisor.chmod(0o755)


class Result:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr

    def __repr__(self):
        return f"status {self.status}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Root:
    """A --root with a base in it, and the programs run there in an environment of its own."""

    def __init__(self, folder, base, programs, env):
        self.folder = folder
        self.programs = programs
        self.base = folder / "opt/code/localstack/.venv"
        self.volume = folder / "var/lib/localstack"
        self.extensions = self.volume / "lib/extensions"
        self.venv = self.extensions / "python_venv"
        self.conf = folder / "etc/localstack/conf.d"
        self.conf.mkdir(parents=True)
        self.volume.mkdir(parents=True)
        self.env = dict(env)
        copy_venv(base, self.base)
        self.python = next(self.base.glob("lib/python3.*")).name
        self.site = self.venv / f"lib/{self.python}/site-packages"

    def requirements(self, text):
        (self.conf / "extensions.txt").write_text(text)

    def command(self, *args):
        return [str(self.programs.extensions), args[0], "--root", str(self.folder), *map(str, args[1:])]

    def environment(self, env):
        return {k: str(v) for k, v in {**self.env, **env}.items() if v is not None}

    def run(self, *args, env=None, wrap=(), timeout=LONG):
        """localstack-extensions ARG…; environment variables by `env`, where None takes one out."""
        return Result(subprocess.run([*map(str, wrap), *self.command(*args)], env=self.environment(env or {}),
                                     capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
                                     timeout=timeout))

    def sync(self, *args, status=0, **env):
        done = self.run("sync", *args, env=env)
        assert done.status == status, done
        return done

    def plan(self, *args, status=0, **env):
        done = self.run("plan", "--format", "json", *args, env=env)
        assert done.status == status, done
        return json.loads(done.out)

    def boot(self, *command, env=None, wrap=(), timeout=LONG):
        return Result(subprocess.run(
            [*map(str, wrap), str(self.programs.entrypoint), "--root", str(self.folder), *map(str, command)],
            env=self.environment(env or {}), capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
            timeout=timeout))

    def installed(self):
        """What the venv's own folders say: name -> version."""
        out = {}
        for info in self.site.glob("*.dist-info") if self.site.exists() else ():
            name, version = info.name[: -len(".dist-info")].rsplit("-", 1)
            out[name.replace("_", "-").lower()] = version
        return out

    def info(self, name):
        wanted = name.replace("-", "_")
        return next(i for i in self.site.glob("*.dist-info") if i.stem.rsplit("-", 1)[0].lower() == wanted)

    def pip(self, *args, check=True):
        env = {"PATH": "/usr/bin:/bin", "HOME": self.env["HOME"], "PIP_CONFIG_FILE": "/dev/null"}
        return subprocess.run([self.venv / "bin/pip", "--disable-pip-version-check", *map(str, args)], check=check, env=env,
                              capture_output=True, text=True, timeout=LONG)

    def localstack_sees(self, code):
        """What LocalStack's interpreter prints for code, with the extensions venv behind the base, as in the image."""
        text = f"import sys\nsys.path.append({str(self.site)!r})\n{code}"
        return subprocess.run([self.base / "bin/python3", "-I", "-c", text], check=True, capture_output=True, text=True,
                              env={"PATH": "/usr/bin:/bin"}, timeout=LONG).stdout.strip()


def pytest_configure(config):
    config.addinivalue_line("markers", "once: needs the real package index and minutes; not run again under sanitizers")


def pytest_collection_modifyitems(config, items):
    again = [item for item in items if SANITIZED and item.get_closest_marker("once")]
    if again:
        config.hook.pytest_deselected(items=again)
        items[:] = [item for item in items if item not in again]


@pytest.fixture(scope="session")
def programs():
    return Programs(runnable(BUILD))


@pytest.fixture
def clean_env(tmp_path):
    """The environment of a user with nothing set; no pip.conf counts."""
    home = tmp_path / "home"
    home.mkdir()
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8", "PIP_CONFIG_FILE": "/dev/null",
           "PIP_RETRIES": "0", "PIP_TIMEOUT": "20"}
    if SANITIZED:
        # Leaks are looked for by the unit tests; here a child may be traced or killed.
        env["ASAN_OPTIONS"] = "detect_leaks=0:abort_on_error=1"
    return env


@pytest.fixture(scope="session")
def small_base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    make_small_base(folder / "venv", folder / "wheels", sys.executable)
    return folder / "venv"


@pytest.fixture
def root(tmp_path, small_base, programs, clean_env):
    return Root(tmp_path / "root", small_base, programs, clean_env)


@pytest.fixture
def mounts(root):
    """What is mounted at the root's volume, only what runs by its prefix sees."""
    if os.geteuid() != 0:
        pytest.skip("mounts file systems of its own")
    there = Mounts(root.volume)
    yield there
    there.close()


@pytest.fixture
def developer(root, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounts folders of its own")
    d = Developer(root, tmp_path)
    yield d
    d.close()


@pytest.fixture
def real_index_env(clean_env):
    """Leads to the package index that the machine is configured for, as far as its pip knows it."""
    env = {k: v for k, v in clean_env.items() if k not in ("PIP_CONFIG_FILE", "PIP_RETRIES")}
    env.update(real_index())
    env["HOME"] = os.environ["HOME"]
    env["XDG_CACHE_HOME"] = str(pathlib.Path(clean_env["HOME"]) / "cache")
    return env


@pytest.fixture(scope="session")
def localstack_base():
    """A real base, made once by the demo's script (and kept: it takes a minute)."""
    folder = REPOSITORY / "build/e2e-base"
    subprocess.run([REPOSITORY / "scripts/make-base", folder], check=True, env=os.environ | real_index(), timeout=600)
    return folder


@pytest.fixture
def localstack_root(tmp_path, localstack_base, programs, real_index_env):
    root = Root(tmp_path / "localstack", localstack_base / "opt/code/localstack/.venv", programs, real_index_env)
    shutil.copytree(localstack_base / "usr", root.folder / "usr")
    return root


@pytest.fixture(scope="session")
def container_image(tmp_path_factory, localstack_base, programs):
    """Our image, as far as its files go, for pods.py to make containers of."""
    if os.geteuid() != 0:
        pytest.skip("makes containers")
    from pods import make_image  # which needs what stands here
    return make_image(tmp_path_factory.mktemp("image") / "image", localstack_base, programs)


class Workshop:
    """Wheels of the test's own, in an index of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.index = StaticIndex(folder / "index")
        self.servers = []

    def add(self, name, version, requires=(), files=None, entry_points=None, *, page=None, **more):
        """One wheel on the index; page: what its page says beyond the wheel (yanked, requires_python, digest)."""
        return self.index.add(make_wheel(self.folder / "new", name, version, requires, files, entry_points, **more),
                              **(page or {}))

    def serve(self, **options):
        server = Nginx(self.index, self.folder / f"nginx-{len(self.servers)}", **options)
        self.servers.append(server)
        return server

    def run(self, server):
        self.servers.append(server)
        return server

    def stop(self):
        for server in self.servers:
            server.stop()


@pytest.fixture
def workshop(tmp_path):
    w = Workshop(tmp_path / "workshop")
    yield w
    w.stop()


@pytest.fixture
def index(root, workshop):
    """A workshop whose index nginx serves, and which the root's environment names."""
    workshop.server = workshop.serve()
    root.env["PIP_INDEX_URL"] = workshop.server.url
    return workshop


@pytest.fixture(scope="session")
def devpi(tmp_path_factory):
    """One for all tests, which starts slowly: each uploads what nobody else does."""
    server = Devpi(tmp_path_factory.mktemp("devpi") / "devpi")
    yield server
    server.stop()


@pytest.fixture
def pypiserver(tmp_path, workshop):
    server = Pypiserver(workshop.folder / "index/files", tmp_path / "pypiserver")
    yield server
    server.stop()


def other_pythons():
    """Interpreters of another minor version than the tests', newest first."""
    found = {}
    places = ["/usr/bin", "/usr/local/bin", *map(str, pathlib.Path.home().glob(".pyenv/versions/*/bin")),
              *map(str, (REPOSITORY / "build").glob("other-python/usr/bin")), *map(str, pathlib.Path("/opt").glob("python*/bin"))]
    for place in places:
        for minor in range(10, 20):
            path = pathlib.Path(place) / f"python3.{minor}"
            if minor != sys.version_info[1] and path.exists():
                works = subprocess.run([path, "-I", "-c", "import venv, ensurepip, ssl, zlib"], capture_output=True)
                if works.returncode == 0:
                    found.setdefault(minor, path)
    return [found[minor] for minor in sorted(found, reverse=True)]


@pytest.fixture(scope="session")
def other_python():
    """scripts/other-python makes one where the machine has none."""
    if not other_pythons():
        subprocess.run([REPOSITORY / "scripts/other-python"], check=True, timeout=900)
    return other_pythons()[0]


@pytest.fixture(scope="session")
def other_base(tmp_path_factory, other_python):
    folder = tmp_path_factory.mktemp("other-base")
    make_small_base(folder / "venv", folder / "wheels", other_python)
    return folder / "venv"


def switch_base(root, other_base):
    shutil.rmtree(root.base)
    copy_venv(other_base, root.base)
    root.python = next(root.base.glob("lib/python3.*")).name
    root.site = root.venv / f"lib/{root.python}/site-packages"


# Runs a command and leaves behind what it and its children took: the largest resident size in KiB, and seconds of the processor's time.
MEASURE = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[2:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
open(sys.argv[1], "w").write(f"{used.ru_maxrss} {used.ru_utime + used.ru_stime}")
sys.exit(status)
"""
MOST_MB = 256
MOST_S = 10


@pytest.fixture
def measured(tmp_path):
    """run(root, ...) as root.run(...), which fails where memory was not kept low, or where it took long (of the processor's time: the
    machine may have other work; waiting has tests of its own)."""
    taken = tmp_path / "taken"

    def run(root, *args, status, most_s=MOST_S, **env):
        done = root.run(*args, env=env, wrap=[sys.executable, "-S", "-c", MEASURE, taken])
        assert done.status == status, done
        peak_kib, seconds = map(float, taken.read_text().split())
        assert SANITIZED or (peak_kib / 1024 < MOST_MB and seconds < most_s), (peak_kib, seconds)
        assert len(done.err) < 10_000
        return done

    return run
