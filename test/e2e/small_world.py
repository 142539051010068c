# SPDX-License-Identifier: Apache-2.0
"""A root with a real but small base, wheels written by hand, and a package index that nginx serves on loopback."""

import base64
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

BUILD = Path(os.environ.get("BUILD_DIR", "build")).resolve()
EXTENSIONS = BUILD / "localstack-extensions"
ENTRYPOINT = BUILD / "localstack-entrypoint"
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
LONG = 120  # seconds after which a test has failed


def record_line(path, content):
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(content)}\n"


def make_wheel(folder, name, version, requires=(), files=None, entry_points=None, extras=(), metadata="", tag="py3-none-any"):
    """Writes NAME-VERSION-TAG.whl, whose module says its version, into the folder; returns its path."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    header = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    header += "".join(f"Provides-Extra: {extra}\n" for extra in extras)
    header += "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    contents = {f"{module}/__init__.py": f'version = "{version}"\n'} if files is None else dict(files)
    contents[f"{info}/METADATA"] = header + metadata
    contents[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n"
    if entry_points:
        contents[f"{info}/entry_points.txt"] = entry_points
    contents = {path: text.encode() if isinstance(text, str) else text for path, text in contents.items()}
    record = "".join(record_line(path, content) for path, content in contents.items()) + f"{info}/RECORD,,\n"
    contents[f"{info}/RECORD"] = record.encode()
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{module}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in contents.items():
            archive.writestr(path, content)
    return wheel


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Index:
    """A PEP 503 index of static pages. What it was asked for is in its access log."""

    def __init__(self, folder):
        self.folder = folder
        self.root = folder / "www"
        (self.root / "simple").mkdir(parents=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/simple/"
        self.log = folder / "access.log"
        config = folder / "nginx.conf"
        config.write_text(
            f"""daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  types {{ text/html html; }} default_type application/octet-stream;
  access_log {self.log}; client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{self.port}; root {self.root}; }}
}}
"""
        )
        ready = subprocess.Popen(
            ["nginx", "-p", str(folder), "-c", str(config)], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        self.process = ready
        self.wait_until_it_listens()

    def wait_until_it_listens(self):
        # nginx says nowhere that it listens: a connection is what tells, and refused ones cost nothing.
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=LONG).close()
                return
            except ConnectionRefusedError:
                assert self.process.poll() is None, self.process.stderr.read()
                os.sched_yield()

    def stop(self):
        self.process.terminate()
        self.process.wait(LONG)
        self.process.stderr.close()

    def add(self, *args, yanked=None, requires_python=None, **kwargs):
        """make_wheel, put on the page of its project."""
        files = self.root / "files"
        wheel = make_wheel(files, *args, **kwargs)
        page = self.root / "simple" / args[0] / "index.html"
        page.parent.mkdir(exist_ok=True)
        if not page.exists():
            page.write_text("<!DOCTYPE html><html><body>\n")
        attributes = f' data-yanked="{yanked}"' if yanked is not None else ""
        if requires_python:
            attributes += f' data-requires-python="{requires_python.replace(">", "&gt;").replace("<", "&lt;")}"'
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        with page.open("a") as f:
            f.write(f'<a href="/files/{wheel.name}#sha256={digest}"{attributes}>{wheel.name}</a>\n')
        return wheel

    def requests(self):
        return self.log.read_text().splitlines() if self.log.exists() else []


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
        return sorted(
            p.name for p in self.extensions.iterdir() if p.name not in ("python_venv", ".localstack-extensions.lock", ".localstack-extensions.state")
        )

    def remove_volume(self):
        shutil.rmtree(self.volume)
