# SPDX-License-Identifier: Apache-2.0
"""Developers' sources in the extensions venv, through test/tools/source.c: what Python imports, and what the base's pip leaves of the
sources when it uninstalls them or installs released versions over them."""

import itertools
import os
import platform
import subprocess
import sys

import pytest

from conftest import BUILD, LONG
from wheels import make_wheel

MARK = "localstack-extensions-namespace.txt"
SITE = "lib/python%d.%d/site-packages" % sys.version_info[:2]
SYMLINKAT = {"x86_64": 266, "aarch64": 36}[platform.machine()]


def tree(folder):
    """All that tells a change of a source."""
    return {p.relative_to(folder): (p.lstat().st_mtime_ns, p.lstat().st_mode, p.lstat().st_ino, p.read_bytes() if p.is_file() else None)
            for p in sorted(folder.rglob("*"))}


class World:
    def __init__(self, folder, base, env):
        self.folder, self.base, self.env = folder, base, env
        self.venv = folder / "venv"
        self.venv.mkdir()
        self.relative = next(base.glob("lib/python3.*/site-packages")).relative_to(base)
        self.site = self.venv / self.relative
        self.sources = {}
        self.run(BUILD / "tools/venv", "create", self.venv, self.venv, base, "1")

    def run(self, *command, status=0):
        env = {**self.env, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=LONG, env=env)
        assert done.returncode == status, done
        return done

    def source(self, name, files):
        folder = self.folder / "sources" / name
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        self.sources[name] = folder
        return folder

    def install(self, *names, status=0, wrap=()):
        command = []
        for name in names:
            command += ["--", self.venv, self.relative, name, "1.0", self.sources[name]]
        return self.run(*wrap, BUILD / "tools/source", "install", *command[1:], status=status)

    def is_installed(self, name):
        return self.run(BUILD / "tools/source", "installed", self.venv, self.relative, name, "1.0", self.sources[name]).stdout == "yes\n"

    def pip(self, *args):
        return self.run(self.venv / "bin/pip", *args).stdout

    def wheel(self, name, version, files):
        return make_wheel(self.folder / "wheels", name, version, [], files)

    def python(self, code):
        """As LocalStack sees it, with the venv behind the base."""
        text = f"import sys; sys.dont_write_bytecode = True; sys.path.append({str(self.site)!r}); {code}"
        return self.run(self.base / "bin/python3", "-I", "-c", text).stdout.strip()


@pytest.fixture
def world(tmp_path, small_base, clean_env):
    return World(tmp_path, small_base, clean_env)


@pytest.fixture
def one(world):
    """A source with a package, a module and a script; what pip does is to leave it as it was."""
    folder = world.source("my-ext", {
        "src/my_ext/__init__.py": "who = 'source'\n", "src/my_ext/sub/deep.py": "", "src/my_mod.py": "who = 'source'\n",
        "entry_points.txt": "[console_scripts]\nmy-tool = my_mod:main\n",
    })
    world.install("my-ext")
    before = tree(folder)
    yield folder
    assert tree(folder) == before


def test_python_imports_what_is_edited(world):
    folder = world.source("my-ext", {"my_ext/__init__.py": "who = 'first'\n", "ns/deep/__init__.py": ""})
    world.install("my-ext")
    assert world.python("import my_ext, ns.deep; print(my_ext.who)") == "first"
    (folder / "my_ext/__init__.py").write_text("who = 'edited'\n")
    (folder / "my_ext/fresh.py").write_text("")
    (folder / "ns/deep/fresh.py").write_text("")
    assert world.python("import my_ext.fresh, ns.deep.fresh; print(my_ext.who)") == "edited"
    assert world.is_installed("my-ext")


def test_pip_knows_it(world, one):
    assert world.pip("list", "--editable", "--format", "freeze") == "my-ext==1.0\n"
    said = world.pip("show", "-f", "my-ext")
    assert f"Editable project location: {one}" in said and "  my_ext\n" in said and "  my_mod.py\n" in said
    assert "No broken requirements" in world.pip("check")
    assert (world.venv / "bin/my-tool").exists()


def test_pip_uninstall(world, one):
    world.pip("uninstall", "-y", "my-ext")
    assert sorted(p.name for p in world.site.iterdir()) == ["__pycache__", "localstack-venv.pth"]
    assert not (world.venv / "bin/my-tool").exists()


@pytest.mark.parametrize("version, options", [("2.0", ["-U"]), ("1.0", ["--force-reinstall"]), ("0.5", [])])
def test_pip_installs_a_release_over_it(world, one, version, options):
    files = {"my_ext/__init__.py": "who = 'wheel'\n", "my_ext/more.py": "", "my_mod.py": "who = 'wheel'\n"}
    world.pip("install", *options, world.wheel("my-ext", version, files))
    assert world.python("import my_ext.more, my_mod; print(my_ext.who, my_mod.who)") == "wheel wheel"
    assert not (world.site / "my_ext").is_symlink() and not (world.site / "my_mod.py").is_symlink()
    assert not world.is_installed("my-ext")


# ---- a namespace of two sources and a wheel

SHARED = {
    "one": {"src/ns/one/__init__.py": "", "src/ns/plain_one.py": ""},
    "two": {"ns/two/__init__.py": "", "ns/deep/two/__init__.py": ""},
}
SHARED_WHEEL = {"ns/three/__init__.py": "", "ns/deep/three.py": ""}
IMPORTS = {"one": "ns.one, ns.plain_one", "two": "ns.two, ns.deep.two", "three": "ns.three, ns.deep.three"}


@pytest.fixture
def shared(world):
    for name, files in SHARED.items():
        world.source(name, files)
    before = {name: tree(folder) for name, folder in world.sources.items()}
    yield world
    assert {name: tree(folder) for name, folder in world.sources.items()} == before


def importable(world):
    return [name for name, names in IMPORTS.items() if world.python(f"""
try:
    import {names}
    print('yes')
except ImportError:
    pass""")]


@pytest.mark.parametrize("order", list(itertools.permutations(IMPORTS)), ids="-".join)
def test_pip_uninstalls_one_after_the_other(shared, order):
    wheel_first = order[0] < order[1]
    wheel = shared.wheel("three", "1.0", SHARED_WHEEL)
    if wheel_first:
        shared.pip("install", wheel)
    shared.install("one", "two")
    if not wheel_first:
        shared.pip("install", wheel)
    left = list(IMPORTS)
    assert importable(shared) == left
    for name in order:
        shared.pip("uninstall", "-y", name)
        left.remove(name)
        assert importable(shared) == left
    assert {p.name for p in (shared.site / "ns").rglob("*")} <= {MARK, "deep"}


@pytest.mark.parametrize("name", SHARED)
def test_pip_installs_a_release_over_one_of_them(shared, name):
    shared.install("one", "two")
    files = {path.removeprefix("src/"): "who = 'wheel'\n" for path in SHARED[name]}
    shared.pip("install", "-U", shared.wheel(name, "2.0", files), shared.wheel("three", "1.0", SHARED_WHEEL))
    assert importable(shared) == list(IMPORTS)
    assert shared.python(f"import ns.{name}; print(ns.{name}.who)") == "wheel"
    other = next(other for other in SHARED if other != name)
    assert shared.is_installed(other)


def test_what_the_mark_is_for(world):
    """It is here as long as pip needs it."""
    for name in ("one", "two"):
        world.source(name, {f"ns/{name}/__init__.py": ""})
    world.install("one", "two")
    (world.site / "ns" / MARK).unlink()
    world.pip("uninstall", "-y", "one")
    assert not (world.site / "ns").exists()


def test_another_pip(tmp_path, other_base, clean_env):
    """Debian's asks where a link leads; others ask where it stands."""
    world = World(tmp_path, other_base, clean_env)
    for name, files in SHARED.items():
        world.source(name, files)
    before = {name: tree(folder) for name, folder in world.sources.items()}
    world.install("one", "two")
    world.pip("install", "-U", world.wheel("one", "2.0", {"ns/one/__init__.py": "", "ns/plain_one.py": ""}))
    assert not (world.site / "ns/one").is_symlink() and world.is_installed("two")
    world.pip("uninstall", "-y", "two")
    assert not (world.site / "ns/two").exists() and not (world.site / "ns/deep/two").exists()
    assert world.python("import ns.one, ns.plain_one; print('yes')") == "yes"
    assert {name: tree(folder) for name, folder in world.sources.items()} == before


# ---- what cannot be


def test_two_sources_with_one_module(world):
    world.source("one", {"mod.py": ""})
    world.source("two", {"mod.py": ""})
    done = world.install("one", "two", status=1)
    assert f"two: it would overwrite {SITE}/mod.py, which belongs to one" in done.stderr


def test_a_volume_without_links(world):
    world.source("one", {"mod.py": ""})
    wrap = [sys.executable, os.path.join(os.path.dirname(__file__), "without_syscall.py"), SYMLINKAT, "EPERM"]
    done = world.install("one", status=1, wrap=wrap)
    assert "the volume of the virtual environment takes no symbolic links" in done.stderr and f"{SITE}/mod.py" in done.stderr
