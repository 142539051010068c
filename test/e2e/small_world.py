# SPDX-License-Identifier: Apache-2.0
"""A root with a real but small base, wheels written by hand, and a package index that nginx serves on loopback."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from servers import Nginx, StaticIndex
from wheels import make_wheel

BUILD = Path(os.environ.get("BUILD_DIR", "build")).resolve()
EXTENSIONS = BUILD / "localstack-extensions"
ENTRYPOINT = BUILD / "localstack-entrypoint"
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
LASTING = {"python_venv", *(f".localstack-extensions.{name}" for name in ("lock", "state", "history"))}  # beside and with the venv
LONG = 120  # seconds after which a test has failed


class Index:
    """An index of wheels that are made as they are added. What it was asked for is in its access log."""

    def __init__(self, folder):
        self.folder = folder
        self.pages = StaticIndex(folder / "www", metadata=False)
        self.server = Nginx(self.pages, folder / "nginx")
        self.url = self.server.url

    def stop(self):
        self.server.stop()

    def add(self, *args, yanked=None, requires_python=None, **kwargs):
        """make_wheel, put on the page of its project."""
        wheel = make_wheel(self.folder / "new", *args, **kwargs)
        return self.pages.add(wheel, yanked=yanked, requires_python=requires_python)

    def has(self, name):
        return name in self.pages.projects

    def requests(self):
        return self.server.requests()


def make_base(folder):
    """A venv of this Python, with one distribution of the base's own: `based` 1.5, with an extra."""
    base = folder / "opt/code/localstack/.venv"
    base.parent.mkdir(parents=True)
    subprocess.run([sys.executable, "-m", "venv", base], check=True, env={"PATH": os.environ["PATH"]})
    wheel = make_wheel(folder / "wheels", "based", "1.5", ["helper; extra == 'more'"], extras=["more"])
    site = base / "lib" / PYTHON / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return base


class World:
    """A root over a base that all tests share; the volume and /etc are its own."""

    def __init__(self, folder, base, index):
        self.root = folder / "root"
        (self.root / "opt/code").mkdir(parents=True)
        os.symlink(base.parent, self.root / "opt/code/localstack")
        self.home = folder / "home"
        self.home.mkdir()
        self.index = index
        self.volume = self.root / "var/lib/localstack"
        self.extensions = self.volume / "lib/extensions"
        self.venv = self.extensions / "python_venv"
        self.site = self.venv / "lib" / PYTHON / "site-packages"
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": index.url,
            "PIP_RETRIES": "0",
        }

    def text(self, content):
        conf = self.root / "etc/localstack/conf.d"
        conf.mkdir(parents=True, exist_ok=True)
        (conf / "extensions.txt").write_text(content)

    def run(self, *args, prefix=(), **env):
        command = [*prefix, EXTENSIONS, args[0], "--root", self.root, *args[1:]]
        return subprocess.run(command, env={**self.env, **env}, capture_output=True, text=True, timeout=LONG, check=False)

    def sync(self, *args, status=0, **env):
        done = self.run("sync", *args, **env)
        assert done.returncode == status, done.stderr
        return done

    def plan(self, *args, status=0, **env):
        done = self.run("plan", "--format", "json", *args, **env)
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout)

    def boot(self, *command, prefix=(), **env):
        command = command or ("true",)
        return subprocess.run(
            [*prefix, ENTRYPOINT, "--root", self.root, "--", *command],
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=LONG,
            check=False,
        )

    def installed(self):
        """Name and version of everything in the venv, as Python's own importlib.metadata sees it."""
        script = "import importlib.metadata as m, sys; print(*sorted(f'{d.name}=={d.version}' for d in m.distributions(path=[sys.argv[1]])))"
        done = subprocess.run([sys.executable, "-I", "-c", script, self.site], capture_output=True, text=True, check=True)
        return done.stdout.split()

    def python(self, code):
        done = subprocess.run(
            [self.venv / "bin/python", "-c", code], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def pip(self, *args):
        return subprocess.run(
            [self.venv / "bin/pip", *args], env={**self.env, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}, capture_output=True, text=True, check=False
        )

    def leftovers(self):
        return sorted(p.name for p in self.extensions.iterdir() if p.name not in LASTING)

    def remove_volume(self):
        shutil.rmtree(self.volume)
